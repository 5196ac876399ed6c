"""What a slow disk has not taken yet: blocks of recordings in memory, in order for each, a block of each in turn."""

from collections import deque


class Backlog:
    def __init__(self) -> None:
        self._blocks: dict[int, deque[tuple[int, bytes]]] = {}
        """By slot, whose turn it is first."""
        self.bytes = 0

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def __contains__(self, slot: int) -> bool:
        """What comes of this recording has to wait as well."""
        return slot in self._blocks

    @property
    def first(self) -> int:
        """Slot whose turn it is."""
        return next(iter(self._blocks))

    def add(self, slot: int, start: int, block: bytes) -> None:
        self._blocks.setdefault(slot, deque()).append((start, block))
        self.bytes += len(block)

    def wait_on(self, slot: int, start: int, block: bytes) -> None:
        """What was popped is not written yet: it stays the first of its recording, whose turn is over."""
        self._blocks.setdefault(slot, deque()).appendleft((start, block))
        self.bytes += len(block)

    def pop(self) -> tuple[int, int, bytes]:
        """Slot, position and content of the next block to be written."""
        slot = self.first
        waiting = self._blocks.pop(slot)
        start, block = waiting.popleft()
        if waiting:
            self._blocks[slot] = waiting
        self.bytes -= len(block)
        return slot, start, block

    def take(self, slot: int) -> list[tuple[int, bytes]]:
        """Position and content of all that waits of one recording, which waits no more."""
        taken = list(self._blocks.pop(slot, ()))
        self.bytes -= sum(len(block) for _, block in taken)
        return taken
