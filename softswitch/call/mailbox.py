"""One consumer's ordered inbox: put from callbacks, awaited by the coroutine that tells the story."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Unbounded on purpose: what comes in is bounded by one call's own legs, timers and decisions."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def put(self, item: T) -> None:
        self._items.append(item)
        self._wake()

    def put_first(self, item: T) -> None:
        """Before everything that waits: for what must be seen at once."""
        self._items.appendleft(item)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self, deadline: float | None = None) -> T:
        """The next item; raises TimeoutError at `deadline` (the loop's time) when there is none by then."""
        while not self._items:
            loop = asyncio.get_running_loop()
            if deadline is not None and loop.time() >= deadline:
                raise TimeoutError
            waiter = self._waiter = loop.create_future()
            timer = None if deadline is None else loop.call_at(deadline, self._wake)
            try:
                await waiter
            finally:
                self._waiter = None
                if timer is not None:
                    timer.cancel()
        return self._items.popleft()
