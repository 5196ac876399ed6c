"""Writes live calls down as they change: of all changes of a moment one row a call, and never for a message.

A call is left in peace for half of `AFTER_S` after its first change, so that its set-up is one row; the beginning of a
talk, a hold and its end are written at once, unless they come faster than people hold. Nobody waits for it. What changed
right before a crash is not known afterwards, but for what the media worker was told of it (`revival.py`).
"""

import asyncio
from itertools import takewhile
from typing import Final

import structlog

from softswitch.call.call import Call
from softswitch.call.farewell import Farewell
from softswitch.call.farewells import Farewells
from softswitch.call.open_invites import established, open_invites, open_rings, unanswered
from softswitch.call.room import Room
from softswitch.call.services import Services
from softswitch.call.snapshot import CallSnapshot
from softswitch.ids import CallId, LegId
from softswitch.store.rows import SnapshotRow
from softswitch.store.writer import COMMIT_WAIT_S

AFTER_S: Final = 0.1
_ROUND_S: Final = AFTER_S / 2
AT_ONCE_S: Final = 0.05
"""Rows of one call are written at once no closer to each other than this: a peer does not set the pace of our disk."""

_log = structlog.get_logger(__name__)


class Snapshots:
    def __init__(self, services: Services, room: Room, farewells: Farewells) -> None:
        self._services = services
        self._room = room
        self._farewells = farewells
        self._changed: dict[CallId, float] = {}
        """Since when, by the loop's time; the oldest first."""
        self._at_once: dict[CallId, float] = {}
        """Calls written at once lately, and when; the oldest first."""
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.written = 0

    def call_changed(self, call: CallId) -> None:
        if call in self._changed:  # most changes come together, and the timer runs
            return
        self._changed[call] = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(_ROUND_S, self._look)

    def leg_changed(self, leg: LegId) -> None:
        """Something was agreed anew with its peer."""
        line = self._services.lines.line(leg)
        if line is not None:
            self.call_changed(line.call)

    def write_now(self, call: CallId) -> None:
        """What two people have waited for changed, and is rare: the moment in which a crash forgets it is to be short."""
        now, known = self._loop.time(), self._at_once
        for old in list(takewhile(lambda each: known[each] <= now - AT_ONCE_S, known)):
            del known[old]
        if call in known:
            self.call_changed(call)
            return
        known[call] = now
        self._changed.pop(call, None)
        self._write(call, now=True)

    async def stored(self, call: CallId) -> None:
        """Write it, and return when it is in the database, or cannot be in time."""
        self._changed.pop(call, None)
        self._write(call, now=True)
        await self._services.store.writer.flush(COMMIT_WAIT_S)

    def _look(self) -> None:
        """Hand in what changed a round ago."""
        before = self._loop.time() - _ROUND_S
        try:
            for call in list(takewhile(lambda each: self._changed[each] <= before, self._changed)):
                del self._changed[call]
                self._write(call)
        finally:
            self._timer = self._loop.call_later(_ROUND_S, self._look) if self._changed else None

    def _write(self, call_id: CallId, *, now: bool = False) -> None:
        call = self._room.calls.get(call_id)
        try:
            if call is None:
                self._write_supervision(call_id)
                return
            data = self._written(call)
        except Exception:  # the call goes on, and would only not outlive a crash
            _log.exception("a call could not be written down", call=call_id)
            return
        if data:
            self.written += 1
            self._services.store.snapshot(SnapshotRow(call=call_id, data=data), now=now)

    def _written(self, call: Call) -> str:
        """Empty when a restart need not know of it."""
        invites = open_invites(self._room, call)
        snapshot = CallSnapshot.of(self._room, call, invites)
        if snapshot is not None:
            return snapshot.to_json()
        partings = established(call)
        return unanswered(call, invites, partings) if (invites or partings) and call.recorded else ""

    def _write_supervision(self, supervision: str) -> None:
        """A supervisor whom we rang has no call of his own: after a crash he is hung up, whether somebody talks or not."""
        session = self._room.supervisions.find(supervision)
        if session is not None and session.ringing is not None and not session.over:
            rings = open_rings(session.ringing, answered=True)
            self._farewells.keep(supervision, Farewell(open=tuple(one for one in rings if one is not None)))

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
