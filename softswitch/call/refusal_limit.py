"""How many refusals of one person are written down: a hundred at once, then one every six seconds. Pure.

The audit trail takes rows and gives none back, so that whoever is refused as fast as he can ask must not fill the disk.
What was left out is counted, and told with the next row of his.
"""

from dataclasses import dataclass

AT_ONCE = 100
EVERY_S = 6.0
MOST_PERSONS = 1000


@dataclass(slots=True)
class _Left:
    rows: float
    """That may be written now."""
    since: float
    left_out: int = 0


class RefusalLimit:
    def __init__(self) -> None:
        self._persons: dict[str, _Left] = {}

    def left_out(self, who: str, now: float) -> int | None:
        """None: this one is not written; else how many before it were not."""
        left = self._persons.get(who)
        if left is None:
            if len(self._persons) >= MOST_PERSONS:
                del self._persons[next(iter(self._persons))]
            left = self._persons[who] = _Left(AT_ONCE, now)
        left.rows = min(AT_ONCE, left.rows + (now - left.since) / EVERY_S)
        left.since = now
        if left.rows < 1:
            left.left_out += 1
            return None
        left.rows -= 1
        before, left.left_out = left.left_out, 0
        return before
