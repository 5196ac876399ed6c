"""The last seconds of a recording that is only armed: settled blocks in memory, never more than they were asked to be."""

from collections import deque

from softswitch.recorder.track import RATE

LONGEST_S = 120.0


class Memory:
    def __init__(self, seconds: float, frame_bytes: int) -> None:
        self.seconds = min(seconds, LONGEST_S)
        self._frames = int(self.seconds * RATE)
        self._frame_bytes = frame_bytes
        self._blocks: deque[tuple[int, bytes]] = deque()

    def __len__(self) -> int:
        """Bytes."""
        return sum(len(block) for _, block in self._blocks)

    def add(self, start: int, block: memoryview) -> None:
        """The block that follows; whole blocks that are too old go."""
        self._blocks.append((start, bytes(block)))
        oldest = start + len(block) // self._frame_bytes - self._frames
        while self._end_of_first() <= oldest:
            self._blocks.popleft()

    def take(self) -> list[tuple[int, bytes]]:
        """Position and content of all blocks, oldest first."""
        blocks = list(self._blocks)
        self._blocks.clear()
        return blocks

    def _end_of_first(self) -> int:
        start, block = self._blocks[0]
        return start + len(block) // self._frame_bytes
