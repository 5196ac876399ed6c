"""How many messages wait in which box: counted by the store, kept here for lamps, told as `MessagesChanged`.

The store is the one truth: after whatever may have changed a box (a message, a mark, a deletion, retention) all boxes are
counted again, once for everything that came meanwhile, and no call waits for it.
"""

import asyncio

import structlog

from softswitch.bus import Bus
from softswitch.clock import Clock
from softswitch.errors import StorageError
from softswitch.facts import MessagesChanged, RecordingEnded
from softswitch.store.messages import Messages

AGAIN_S = 5.0
"""Pause after a count that failed."""
NONE = (0, 0)
_log = structlog.get_logger(__name__)


class Boxes:
    def __init__(self, messages: Messages, bus: Bus, clock: Clock) -> None:
        self._messages = messages
        self._bus = bus
        self._clock = clock
        self._counts: dict[str, tuple[int, int]] = {}
        self._again = False
        self._task: asyncio.Task[None] | None = None
        bus.subscribe({RecordingEnded: self._recorded})

    async def load(self) -> None:
        """Count for the first time, before anybody watches."""
        try:
            self._counts = await self._messages.counts()
        except StorageError as error:
            _log.warning("messages cannot be counted", problem=str(error))

    def count(self, box: str) -> tuple[int, int]:
        """New and old messages."""
        return self._counts.get(box, NONE)

    def changed(self) -> None:
        """Something may be different: count again soon."""
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._count(), name="count messages")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _recorded(self, fact: RecordingEnded) -> None:
        if fact.box:
            self.changed()

    async def _count(self) -> None:
        while self._again:
            self._again = False
            try:
                counts = await self._messages.counts()
            except StorageError as error:
                _log.warning("messages cannot be counted", problem=str(error))
                await asyncio.sleep(AGAIN_S)
                self._again = True
                continue
            before, self._counts = self._counts, counts
            for box in {*before, *counts}:
                if before.get(box, NONE) != self.count(box):
                    self._tell(box)

    def _tell(self, box: str) -> None:
        new, old = self.count(box)
        self._bus.publish(
            MessagesChanged(
                box=box, new=new, old=old, wall=self._clock.wall(), monotonic=self._clock.monotonic()
            )
        )
