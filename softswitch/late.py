"""Who has been asked and has not answered in time: one timer for all, where each would set and cancel one of his own.

All have the same time, so that whoever was asked first is late first.
"""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Asked = TypeVar("Asked", bound=Hashable)


class Late(Generic[Asked]):
    def __init__(self, after_s: float, tell: Callable[[Asked], None]) -> None:
        """`tell` hears of each that has not answered within `after_s`, once."""
        self._after_s = after_s
        self._tell = tell
        self._due: dict[Asked, float] = {}
        """By the loop's time; the oldest first."""
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._due)

    def asked(self, whom: Asked) -> None:
        """From now on; whoever was asked before is asked anew."""
        loop = asyncio.get_running_loop()
        self._due.pop(whom, None)
        self._due[whom] = due = loop.time() + self._after_s
        if self._timer is None:
            self._timer = loop.call_at(due, self._look)

    def answered(self, whom: Asked) -> None:
        """Or is waited for no more."""
        self._due.pop(whom, None)

    def _look(self) -> None:
        loop, self._timer = asyncio.get_running_loop(), None
        now = loop.time()
        while self._due:
            whom, due = next(iter(self._due.items()))
            if due > now:
                self._timer = loop.call_at(due, self._look)
                return
            del self._due[whom]
            self._tell(whom)
