"""An asyncio event loop whose time costs nothing: when nothing is ready, it jumps to the next timer.

Use it with `asyncio.Runner(loop_factory=VirtualTimeLoop)`, or `run(main())`. `VirtualClock` shows the same time to code
that takes a `Clock`. Real files, sockets and threads still work: the loop looks at them before each jump, and waits
`grace_s` of real time for them, so give that more than 0 when threads have work of which the test depends.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_STEP_S, _STEP_GRACE_S = 0.002, 0.002
STUCK_AFTER_S = 10.0
"""Real seconds without any timer or input after which a test is told that it hangs."""


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that passes time instead of waiting for it."""

    def __init__(self, grace_s: float) -> None:
        super().__init__()
        self.now = 0.0
        self.grace_s = grace_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            ready = super().select(STUCK_AFTER_S)
            if not ready:
                raise RuntimeError("nothing will ever happen: no task is ready and no timer is running")
            return list(ready)
        ready = super().select(min(timeout, self.grace_s))
        if not ready:
            self.now += timeout
        return list(ready)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Starts at 0 seconds. Without `threads`, what is given to an executor is done at once and in no time."""

    def __init__(self, *, grace_s: float = 0.0, threads: bool = True) -> None:
        self._virtual = _JumpingSelector(grace_s)
        self._threads = threads
        super().__init__(self._virtual)

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        if self._threads:
            return super().run_in_executor(executor, func, *args)
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """However long its threads take: the patience of Python 3.12 and later is counted in time that is jumped over."""
        await super().shutdown_default_executor()

    def time(self) -> float:
        return self._virtual.now

    @contextmanager
    def beside_threads(self) -> Iterator[None]:
        """Time passes in small steps, while threads do work that is waited for: no timer far off is jumped to."""

        async def pass_time() -> None:
            while True:  # noqa: ASYNC110
                await asyncio.sleep(_STEP_S)

        before, self._virtual.grace_s = self._virtual.grace_s, _STEP_GRACE_S
        passing = self.create_task(pass_time(), name="pass time")
        try:
            yield
        finally:
            passing.cancel()
            self._virtual.grace_s = before


class VirtualClock:
    """A `softswitch.clock.Clock` on the running virtual loop; its wall began at `epoch`."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None = None, *, epoch: float = 1_800_000_000.0
    ) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._epoch = epoch

    def monotonic(self) -> float:
        return self._loop.time()

    def wall(self) -> float:
        return self._epoch + self._loop.time()


def run(main: Coroutine[Any, Any, T], *, grace_s: float = 0.0, threads: bool = True) -> T:
    """Run `main` to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(grace_s=grace_s, threads=threads)) as runner:
        return runner.run(main)
