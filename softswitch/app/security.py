"""The guard as the rest of the switch sees it: its events as log lines, facts and alarms; its bans for the control API
and across restarts.

The log lines are made for programs that block addresses (`authentication failed`, `source banned`); their number is
bounded by the bans, and over all sources by `LINES_PER_S`. So are the facts: whoever forges the addresses of scanners gets
them banned, but neither fills the log nor keeps those busy who listen.
"""

import asyncio
import contextlib
import json
import time
from pathlib import Path
from typing import Any

import structlog

from softswitch.api.errors import BadRequest, UnknownThing
from softswitch.api.security_control import BanWish
from softswitch.api.security_views import BanView, SecurityView
from softswitch.app.parts import Parts
from softswitch.config import paths
from softswitch.facts import SourceBanned, SourceUnbanned
from softswitch.sip.bans import Ban
from softswitch.sip.guard import SecurityEvent
from softswitch.sip.overload import Load
from softswitch.sip.source_rates import Bucket

LINES_PER_S = 50.0
SAMPLE_S = 0.1
SAVED_EVERY_S = 2.0
"""Bans are written down no more often: all of them are, each time."""
FOR_EVER_S = 365 * 86400.0
"""Longer than any ban of a length; such a one is shown without an end."""

_log = structlog.get_logger(__name__)


class SecurityDesk:
    """Implements `api.security_control.SecurityControl`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lines = Bucket(LINES_PER_S, parts.clock.monotonic())
        self._unsaved = False
        self._saving: asyncio.Task[None] | None = None
        self._guard = parts.sip.guard
        self._guard.tell = self.on_event

    # --- events ---------------------------------------------------------------------------------------------------------

    def on_event(self, event: SecurityEvent) -> None:
        now = self._parts.clock.monotonic()
        self._unsaved = self._unsaved or event.kind != "failed"
        by_peers = event.kind == "failed" or event.times > 0
        if by_peers and not self._lines.take(1.0, LINES_PER_S, LINES_PER_S, now):
            return
        if event.kind == "failed":
            _log.warning("authentication failed", source=event.address, why=event.why, user=event.user[:64])
            return
        wall = self._parts.clock.wall()
        if event.kind == "banned":
            _log.warning("source banned", source=event.address, why=event.why, seconds=round(event.seconds))
            fact = SourceBanned(
                address=event.address, why=event.why, seconds=event.seconds, wall=wall, monotonic=now
            )
            self._parts.bus.publish(fact)
        else:
            _log.info("source unbanned", source=event.address)
            self._parts.bus.publish(SourceUnbanned(address=event.address, wall=wall, monotonic=now))

    # --- the control API ------------------------------------------------------------------------------------------------

    def show(self) -> SecurityView:
        guard, now = self._guard, self._parts.clock.monotonic()
        return SecurityView(
            bans=tuple(self._view(ban) for ban in guard.bans.in_force(now)),
            counts=dict(guard.counts),
            sources=guard.sources(),
            unanswered=self._parts.sip.stats().too_short,
            load=guard.overload.level.name.lower(),
            pressure=guard.overload.pressure,
            refused_by_load=guard.overload.refused,
        )

    def ban(self, wish: BanWish) -> BanView:
        try:
            made = self._guard.ban(wish.address, wish.why, self._parts.clock.monotonic(), wish.seconds)
        except ValueError:
            raise BadRequest(
                f"{wish.address!r} is no address", hint="write 203.0.113.9, 203.0.113.0/24 or 2001:db8::/64"
            ) from None
        return self._view(made)

    def unban(self, address: str) -> BanView:
        lifted = self._guard.unban(address, self._parts.clock.monotonic())
        if lifted is None:
            raise UnknownThing(f"{address} is not banned", hint="`softswitch security` lists who is")
        return self._view(lifted)

    def _view(self, ban: Ban) -> BanView:
        wall, now = self._parts.clock.wall(), self._parts.clock.monotonic()
        ends = ban.until - now
        return BanView(
            address=ban.key,
            why=ban.why,
            since=wall + ban.since - now,
            until=wall + ends if ends < FOR_EVER_S else None,
            times=ban.times,
            manual=ban.manual,
        )

    # --- load -----------------------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Until it is cancelled: measure how busy this process is, and write down bans that are new."""
        overload, clock, alarms = self._guard.overload, self._parts.clock, self._parts.alarms
        cpu_before, before = time.process_time(), clock.monotonic()
        save_from = before
        while True:
            await asyncio.sleep(SAMPLE_S)
            cpu, now = time.process_time(), clock.monotonic()
            took = max(now - before, 1e-6)
            lag_s = max(0.0, took - SAMPLE_S)
            queue = self._parts.sip.receive_queue()
            if overload.sample(lag_s=lag_s, queue=queue, cpu=(cpu - cpu_before) / took, now=now):
                if overload.level == Load.NORMAL:
                    alarms.clear("overload")
                else:
                    alarms.raise_("overload", _overload_problem(overload.level))
            cpu_before, before = cpu, now
            if self._unsaved and now >= save_from and (self._saving is None or self._saving.done()):
                self._unsaved, save_from = False, now + SAVED_EVERY_S
                self._saving = asyncio.create_task(self._save())

    # --- bans that outlive the process ----------------------------------------------------------------------------------

    @property
    def _file(self) -> Path:
        return paths.state_dir(self._parts.services.config) / "bans.json"

    def load(self) -> None:
        """The bans of the last run; a file that cannot be read is no reason not to start."""
        clock = self._parts.clock
        wall, now = clock.wall(), clock.monotonic()
        try:
            rows = json.loads(self._file.read_text())
            found = [_ban_of(row, now - wall) for row in rows]
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError) as error:
            _log.warning("the bans of the last run cannot be read", problem=str(error))
            return
        self._guard.restore(found, now)
        _log.info("bans restored", bans=len(self._guard.bans.in_force(now)))

    async def _save(self) -> None:
        text = self.saved()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.to_thread(_write, self._file, text)

    def save_now(self) -> None:
        if self._unsaved:
            self._unsaved = False
            _write(self._file, self.saved())

    def saved(self) -> str:
        """The bans as they stand in the file."""
        wall, now = self._parts.clock.wall(), self._parts.clock.monotonic()
        return json.dumps([_row(ban, wall - now) for ban in self._guard.bans.remembered(now)])


def _overload_problem(level: Load) -> str:
    refused = "new calls" if level == Load.HIGH else "new calls and registrations"
    return f"{refused} are refused with 503: the switch does not keep up"


def _row(ban: Ban, shift: float) -> dict[str, Any]:
    return {
        "address": ban.key,
        "why": ban.why,
        "since": ban.since + shift,
        "until": ban.until + shift,
        "times": ban.times,
        "manual": ban.manual,
    }


def _ban_of(row: dict[str, Any], shift: float) -> Ban:
    return Ban(
        key=str(row["address"]),
        why=str(row["why"]),
        since=float(row["since"]) + shift,
        until=float(row["until"]) + shift,
        times=int(row["times"]),
        manual=bool(row["manual"]),
    )


def _write(file: Path, text: str) -> None:
    """The old file or the new one, never half of it."""
    beside = file.with_suffix(".new")
    try:
        beside.write_text(text)
        beside.replace(file)
    except OSError as error:
        _log.error("bans cannot be written down", problem=str(error))
