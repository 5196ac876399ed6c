"""Proves that a strategy plug-in that never returns is stopped, whatever it does meanwhile, on asyncio and uvloop; that the
queue goes on with its own strategy, the alarm is raised, and the plug-in is not asked again for a minute; that one which
returns in time is left alone, and its answer counts; that limits within limits hold, and nothing is stopped afterwards.

Does not prove plug-ins that hang in C code without looking at signals: nothing stops those.
"""

import asyncio
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
import uvloop

from softswitch.acd.engine import Engine
from softswitch.acd.rules import Rules
from softswitch.acd.values import AgentStatus, Offer, StrategyFailed, WaitingCall
from softswitch.app.time_limit import NotReturned, TimeLimit, _stop
from softswitch.config.queues import Agent, Member, Queue
from softswitch.ids import AgentId, CallId, OfferId, QueueName

LIMIT_S = 0.05


def spins(caller: Any, agents: Any) -> str:
    while True:
        pass


def sleeps(caller: Any, agents: Any) -> str:
    time.sleep(3600)
    return ""


def waits(caller: Any, agents: Any) -> str:
    threading.Event().wait()
    return ""


def swallows(caller: Any, agents: Any) -> str:
    while True:
        try:
            time.sleep(0.001)
        except BaseException:
            continue


def swallows_bare(caller: Any, agents: Any) -> str:
    while True:
        try:
            sum(range(1000))
        except:  # noqa: E722
            pass


def recurses(caller: Any, agents: Any) -> str:
    try:
        return "".join(recurses(caller, agents) for _ in range(2))
    except RecursionError:
        return ""


def matches(caller: Any, agents: Any) -> str:
    return str(re.match(r"(a|aa)+$", "a" * 60 + "b"))


@pytest.mark.parametrize("plugin", [spins, sleeps, waits, swallows, swallows_bare, recurses, matches])
def test_it_is_stopped_whatever_it_does(plugin: Callable[[Any, Any], str]) -> None:
    traced = sys.gettrace()
    before, began = signal.getsignal(signal.SIGALRM), time.monotonic()
    with pytest.raises(NotReturned, match="within 50 ms"):
        TimeLimit(LIMIT_S).limited(plugin)(None, None)
    assert LIMIT_S * 0.9 <= time.monotonic() - began < 30
    assert sys.gettrace() is traced
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert not callable(before) or signal.getsignal(signal.SIGALRM) is before
    os.kill(os.getpid(), signal.SIGALRM)  # one that comes late does nothing, and does not end the process


def test_a_limit_within_a_limit_does_not_lift_it() -> None:
    def asks(caller: Any, agents: Any) -> str:
        assert TimeLimit(3600).limited(lambda: "inner")() == "inner"
        return spins(caller, agents)

    with pytest.raises(NotReturned, match="within 50 ms"):
        TimeLimit(LIMIT_S).limited(asks)(None, None)


def test_a_frame_that_outlives_a_stopped_function_is_not_stopped_later() -> None:
    """It keeps the trace function, which somebody's debugger may wake up."""
    frames: list[FrameType] = []

    def keeps(caller: Any, agents: Any) -> str:
        frames.append(sys._getframe())
        return spins(caller, agents)

    with pytest.raises(NotReturned):
        TimeLimit(LIMIT_S).limited(keeps)(None, None)
    assert _stop(frames[0], "line", None) is _stop


def test_one_that_returns_is_left_alone() -> None:
    limited = TimeLimit(LIMIT_S).limited(lambda caller, agents: f"{caller}{agents}")
    assert [limited("a", number) for number in range(1000)] == [f"a{number}" for number in range(1000)]
    with pytest.raises(ZeroDivisionError):
        TimeLimit(LIMIT_S).limited(lambda: 1 // 0)()
    time.sleep(LIMIT_S * 2)  # no alarm comes behind


def test_in_another_thread_nothing_is_stopped() -> None:
    answers: list[str] = []

    def slow() -> str:
        time.sleep(LIMIT_S * 2)
        return "late"

    thread = threading.Thread(target=lambda: answers.append(TimeLimit(LIMIT_S).limited(slow)()))
    thread.start()
    thread.join(30)
    assert answers == ["late"]


@pytest.mark.parametrize("factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_loop_goes_on_beside_it(factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def story() -> list[str]:
        seen: list[str] = []
        for _ in range(3):
            try:
                TimeLimit(LIMIT_S).limited(spins)(None, None)
            except NotReturned:
                seen.append("stopped")
            await asyncio.sleep(0.001)
        return seen

    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(story()) == ["stopped"] * 3


def test_the_queue_goes_on_with_its_own_strategy() -> None:
    asked: list[float] = []

    def hangs(caller: Any, agents: Any) -> str:
        asked.append(time.monotonic())
        return spins(caller, agents)

    numbers = iter(range(100))
    engine = Engine(
        {
            "q": Queue(
                members=(Member(agent="ann"), Member(agent="bob")), strategy_plugin="mine", wrapuptime=0
            )
        },
        {"ann": Agent(endpoint="1"), "bob": Agent(endpoint="2")},
        0.0,
        new_offer_id=lambda: OfferId(f"o{next(numbers)}"),
        rules=Rules(plugins={"mine": TimeLimit(LIMIT_S).limited(hangs)}, stopwatch=time.perf_counter),
    )
    for agent in ("ann", "bob"):
        engine.agent_status(AgentId(agent), AgentStatus.AVAILABLE, "", 0.0)
    for number, now in enumerate((1.0, 2.0, 30.0)):
        call = WaitingCall(call=CallId(f"c{number}"), queue=QueueName("q"), entered=now, joined=now)
        decisions = engine.call_waiting(call, now)
        failed = [each for each in decisions if isinstance(each, StrategyFailed)]
        [offer] = [each for each in decisions if isinstance(each, Offer)]
        assert [each.problem for each in failed] == ["did not return within 50 ms"] * (number == 0)
        assert offer.call == call.call
        engine.call_gone(call.call, now)
    assert len(asked) == 1, "one that hangs is not asked again for a minute"
