"""What peers are still to be told, kept in rows until they have been told, so that no crash leaves anybody in a dialog.

A row for what no call's row knows of: a leg that is hung up and cannot be told yet, a supervisor whom we rang, and all
that the last run left. It is said once, SIP repeats it, and the row goes when SIP has given up at the latest; a crash
before that has it said again, which a peer who has heard it refuses or does not heed.
"""

import asyncio
from collections.abc import Mapping

import structlog

from softswitch.call.farewell import Farewell, Parting, parting_of
from softswitch.call.leg import Leg
from softswitch.call.revival import FAILURES
from softswitch.call.services import Services
from softswitch.call.termination import RESTART
from softswitch.sip.masked_keys import unmasked
from softswitch.sip.session_snapshot import Described
from softswitch.sip.unheeded import nobody_listens
from softswitch.store.rows import FarewellRow

SAID_WITHIN_S = 70.0
"""A 2xx waits 64*T1 for its ACK, and a BYE behind it as long for its answer."""

_log = structlog.get_logger(__name__)


class Farewells:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._loop = asyncio.get_running_loop()
        self._said: dict[str, asyncio.TimerHandle] = {}

    def leaves(self, leg: Leg) -> None:
        """It is hung up, and cannot be told so yet."""
        parting = parting_of(leg, self._services.config)
        if parting is not None:
            self.keep(leg.id, Farewell(legs=(parting,)))
            self.forget_later(leg.id)

    def keep(self, name: str, farewell: Farewell) -> None:
        """To be said after a crash, until it is forgotten."""
        self._services.store.farewell(FarewellRow(farewell=name, data=farewell.to_json()))

    def forget(self, name: str) -> None:
        waits = self._said.pop(name, None)
        if waits is not None:
            waits.cancel()
        self._services.store.farewell_said(name)

    def forget_later(self, name: str, within_s: float = SAID_WITHIN_S) -> None:
        if name in self._said:
            self._said[name].cancel()
        self._said[name] = self._loop.call_later(within_s, self.forget, name)

    def say(self, left: Mapping[str, Farewell]) -> None:
        """What the last run left; its rows are there."""
        for name, farewell in left.items():
            for invite in farewell.open:
                try:
                    self._services.sip.end_open(invite, RESTART.sip_status, RESTART.reason_header)
                except FAILURES as error:
                    _log.error("an INVITE from before the restart cannot be ended", problem=str(error))
            for parting in farewell.legs:
                try:
                    self._part(parting)
                except FAILURES as error:
                    _log.error("a dialog from before the restart cannot be ended", problem=str(error))
            self.forget_later(name)
        self._services.sip.go_on()

    def _part(self, parting: Parting) -> None:
        """By BYE; one that waits for an ACK has our 2xx repeated first (RFC 3261 section 15)."""
        services, text = self._services, parting.described
        described = unmasked(text, None).serialize() if text else b""
        known = bool(text) and "crypto:" not in text  # its key is in no row
        kind, _, name = parting.party.partition(":")
        session = services.sip.take_up(
            parting.session,
            leg=parting.leg,
            identity=None,
            described=Described(
                now=described,
                before=described if known else b"",
                answered_ago_s=services.clock.wall() - parting.answered,
            ),
            credentials=services.secrets.get((kind, name))
            if (kind, parting.direction) == ("trunk", "out")
            else None,
            on_event=nobody_listens,
        )
        try:
            session.hangup(None, RESTART.reason_header)
        except BaseException:
            session.finish()
            raise

    def close(self) -> None:
        """The switch stops; who has not been told by then is told at the next start."""
        for waits in self._said.values():
            waits.cancel()
        self._said.clear()
