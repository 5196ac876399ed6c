"""Proves on virtual time that a storm of SIGHUP costs few reloads, one at a time, and that the last signal is never lost.

Does not prove what a reload takes over; `tests/interop/test_reload_drain.py` does.
"""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from softswitch.api.views import ReloadView
from softswitch.app import control
from softswitch.app.parts import Parts
from softswitch.bus import Bus
from softswitch.config.schema import Config
from softswitch.testing.virtual_time import run


def _parts() -> Parts:
    """What orders want of the parts when they are made: a reload that is replaced here wants nothing."""
    sip = SimpleNamespace(guard=SimpleNamespace())
    services = SimpleNamespace(config=Config())
    clock = SimpleNamespace(monotonic=lambda: 0.0)
    gate = SimpleNamespace(permissions=SimpleNamespace(), note=lambda *_, **__: None)
    parts = SimpleNamespace(clock=clock, sip=sip, services=services, bus=Bus(), started=0.0, gate=gate)
    return cast(Parts, parts)


class _Reloads:
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.begun: list[float] = []
        self.at_once = self.most_at_once = 0

    async def __call__(self, parts: Parts, path: Path) -> ReloadView:
        self.begun.append(asyncio.get_running_loop().time())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.seconds)
        self.at_once -= 1
        return ReloadView()


@pytest.mark.parametrize("seconds", [0.0, 0.2, 2.0])
def test_a_storm_of_signals_costs_few_reloads(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    reloads = _Reloads(seconds)
    monkeypatch.setattr(control, "reload", reloads)

    async def main() -> float:
        switch = control.Control(_parts(), Path("none.toml"), asyncio.Event())
        for _ in range(100):
            switch.reload_by_signal()
            await asyncio.sleep(0.03)
        last = asyncio.get_running_loop().time() - 0.03
        await asyncio.gather(switch.reload(), asyncio.sleep(10))
        return last

    last = run(main())
    assert max(reloads.begun) >= last, "what was written before the last signal counts"
    assert len(reloads.begun) <= 6
    assert reloads.most_at_once == 1
    assert reloads.begun[0] <= last - 2.9, "the first signal is served at once"


def test_a_signal_long_after_another_is_served_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reloads = _Reloads(0.1)
    monkeypatch.setattr(control, "reload", reloads)

    async def main() -> list[float]:
        switch = control.Control(_parts(), Path("none.toml"), asyncio.Event())
        asked = []
        for _ in range(3):
            asked.append(asyncio.get_running_loop().time())
            switch.reload_by_signal()
            await asyncio.sleep(5)
        return asked

    assert run(main()) == pytest.approx(reloads.begun, abs=0.01)
