"""Wrong codes at boxes and of people are counted: after some within a while none is taken until it is over. Pure."""

from collections import deque

MOST_WRONG = 6
WITHIN_S = 900.0


class PinGuard:
    def __init__(self) -> None:
        self._wrong: dict[str, deque[float]] = {}

    def locked(self, box: str, now: float) -> bool:
        wrong = self._wrong.get(box)
        if wrong is None:
            return False
        while wrong and now - wrong[0] >= WITHIN_S:
            wrong.popleft()
        return len(wrong) >= MOST_WRONG

    def wrong(self, box: str, now: float) -> None:
        """Boxes and people are those of the configuration, so that nobody makes this grow."""
        self._wrong.setdefault(box, deque(maxlen=MOST_WRONG)).append(now)

    def right(self, box: str) -> None:
        self._wrong.pop(box, None)
