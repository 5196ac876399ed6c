"""Proves that all legs of an ended call are given up, whatever goes wrong with one of them: one that its worker cannot be
told of, one whose closing fails, and those that nobody waits for any longer because the call's task was cancelled.

Does not prove what their rows and peers say; stories do.
"""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import structlog

from softswitch.call.call import Call
from softswitch.call.ending import _let_all_go


class _Leg:
    """Notes what is asked of it."""

    def __init__(self, name: str, *, deaf: bool = False, faulty: bool = False, hangs: bool = False) -> None:
        self.id, self.stats, self.asked = name, None, list[str]()
        self._deaf, self._faulty, self._hangs = deaf, faulty, hangs

    def begin_closing(self) -> None:
        self.asked.append("begin")
        if self._deaf:
            raise OSError("its worker's pipe is broken")

    async def close(self) -> None:
        self.asked.append("close")
        if self._faulty:
            raise RuntimeError("a fault")
        if self._hangs:
            await asyncio.Event().wait()

    def release(self) -> None:
        self.asked.append("release")


def _call(*legs: _Leg) -> tuple[Call, list[str]]:
    """And what has been freed."""
    freed: list[str] = []
    services = SimpleNamespace(
        lines=SimpleNamespace(free=freed.append),
        audio=SimpleNamespace(leg_gone=lambda call, leg: ""),
        clock=None,
    )
    log = structlog.get_logger()
    call = SimpleNamespace(
        id="c", legs={leg.id: leg for leg in legs}, services=services, log=log, recorded=False
    )
    return cast(Call, cast(Any, call)), freed


def test_a_fault_of_one_leg_holds_up_no_other() -> None:
    async def tell() -> None:
        call, freed = _call(_Leg("a", deaf=True), faulty := _Leg("b", faulty=True), last := _Leg("c"))
        await _let_all_go(call)
        assert freed == ["a", "b", "c"] and not call.legs
        assert faulty.asked == last.asked == ["begin", "close"]

    asyncio.run(tell())


def test_legs_that_nobody_waits_for_any_longer_are_released() -> None:
    async def tell() -> None:
        call, freed = _call(_Leg("a", hangs=True), last := _Leg("b"))
        task = asyncio.get_running_loop().create_task(_let_all_go(call))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() and freed == ["a", "b"] and not call.legs
        assert last.asked == ["begin", "release"], "its port is given back"

    asyncio.run(tell())
