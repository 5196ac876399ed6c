"""Writes live calls down as they change: of all changes of a moment one row a call, and never for a message.

Nobody waits for it. A change of less than `AFTER_S` before a crash is not known afterwards.
"""

import asyncio
from typing import Final

import structlog

from softswitch.call.call import Call
from softswitch.call.open_invites import open_invites, unanswered
from softswitch.call.room import Room
from softswitch.call.services import Services
from softswitch.call.snapshot import CallSnapshot
from softswitch.ids import CallId, LegId
from softswitch.store.rows import SnapshotRow

AFTER_S: Final = 0.1

_log = structlog.get_logger(__name__)


class Snapshots:
    def __init__(self, services: Services, room: Room) -> None:
        self._services = services
        self._room = room
        self._changed: dict[CallId, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.written = 0

    def call_changed(self, call: CallId) -> None:
        self._changed[call] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AFTER_S, self.write)

    def leg_changed(self, leg: LegId) -> None:
        """Something was agreed anew with its peer."""
        line = self._services.lines.line(leg)
        if line is not None:
            self.call_changed(line.call)

    def write(self) -> None:
        """Hand in what has changed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        changed, self._changed = self._changed, {}
        for call_id in changed:
            call = self._room.calls.get(call_id)
            if call is None:
                continue
            try:
                data = self._written(call)
            except Exception:  # the call goes on, and would only not outlive a crash
                call.log.exception("a call could not be written down")
                continue
            if data:
                self.written += 1
                self._services.store.snapshot(SnapshotRow(call=call_id, data=data))

    def _written(self, call: Call) -> str:
        """Empty when a restart need not know of it."""
        invites = open_invites(self._room, call)
        snapshot = CallSnapshot.of(self._room, call, invites)
        if snapshot is not None:
            return snapshot.to_json()
        return unanswered(call, invites) if invites and call.recorded else ""

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
