"""Proves each strategy on its own: order of turns, sums, shares, draws and their fairness, one more after a while; and that
a plug-in decides, is shown what it needs, and is contained when it raises, is late or answers nonsense.

Longest idle, round robin, fewest calls and ring-all are proved in `test_acd_order`.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from acd_floor import Floor, members

from softswitch.acd.facts import AgentFacts, CallerFacts
from softswitch.acd.rules import Rules
from softswitch.acd.values import Offer, StrategyFailed
from softswitch.acd.workload import MEMORY_S, Workload
from softswitch.config.matching import Matching
from softswitch.config.queues import Agent, Queue


def floor_of(strategy: str, agents: str = "ann bob cid", **more: object) -> Floor:
    queue = Queue(strategy=strategy, members=members(*agents.split()), wrapuptime=0, **more)  # type: ignore[arg-type]
    return Floor({"q": queue}, agents)


def test_least_talk_counts_seconds_and_a_pause_does_not_forget_them() -> None:
    floor = floor_of("least-talk")
    assert [floor.talk("c1", 100), floor.talk("c2", 10), floor.talk("c3", 50)] == ["ann", "bob", "cid"]
    floor.pause("bob")
    floor.available("bob")
    assert [floor.talk("c4", 30), floor.talk("c5", 30), floor.talk("c6", 5)] == ["bob", "bob", "cid"]


def test_least_occupied_looks_at_the_share_of_time_and_not_at_the_number_of_calls() -> None:
    floor = floor_of("least-occupied", "ann bob")
    assert floor.talk("c1", 600) == "ann"
    assert [floor.talk(f"d{n}", 20) for n in range(5)] == ["bob"] * 5
    floor.occupied("bob", +1)
    floor.run(1200)
    floor.occupied("bob", -1)
    assert floor.talk("c2", 1) == "ann", "calls outside the queue are work too"


def test_the_order_of_idle_agents_by_workload_never_changes_with_time() -> None:
    first, second = Workload(0.0), Workload(0.0)
    first.turned(True, 100.0)
    second.turned(True, 150.0)
    first.turned(False, 400.0)
    second.turned(False, 600.0)
    now = 600.0
    assert math.isclose(math.log(first.at(now)), first.standing() - now / MEMORY_S)
    for later in (601.0, 5000.0, 50_000.0):
        assert (first.at(later) < second.at(later)) == (first.standing() < second.standing())


def test_linear_always_begins_with_the_first() -> None:
    floor = floor_of("linear", "cid ann bob")
    assert [floor.talk(f"c{n}", 1) for n in range(3)] == ["cid"] * 3
    assert floor.rung(floor.call("x")) == [("cid", "x")]
    assert floor.rung(floor.call("y")) == [("ann", "y")]


def drawn(strategy: str, seed: int, calls: int = 600, **penalties: int) -> Counter[str]:
    queue = Queue(strategy=strategy, members=members(**penalties), wrapuptime=0)  # type: ignore[arg-type]
    floor = Floor({"q": queue}, " ".join(penalties), rules=Rules(matching=Matching(seed=seed)))
    return Counter(floor.talk(f"c{n}", 1) for n in range(calls))


def test_random_gives_all_the_same_chance() -> None:
    shares = drawn("random", 1, ann=0, bob=0, cid=0, dot=0)
    assert all(100 < count < 200 for count in shares.values()), shares
    assert shares == drawn("random", 1, ann=0, bob=0, cid=0, dot=0), "the same seed draws the same"
    assert shares != drawn("random", 2, ann=0, bob=0, cid=0, dot=0)


def test_weighted_shares_by_penalty_and_makes_no_tiers_of_it() -> None:
    shares = drawn("weighted", 1, ann=0, bob=1, cid=3)
    expected = {"ann": 600 * 12 / 21, "bob": 600 * 6 / 21, "cid": 600 * 3 / 21}
    assert all(abs(shares[name] - count) < 60 for name, count in expected.items()), shares


def test_progressive_rings_one_more_after_each_while() -> None:
    floor = floor_of("progressive", progressive_s=10.0, timeout=0.0)
    assert floor.rung(floor.call("c1")) == [("ann", "c1")]
    assert floor.rung(floor.run(10)) == [("bob", "c1")]
    floor.occupied("cid", +1)
    assert floor.rung(floor.run(30)) == []
    assert floor.rung(floor.occupied("cid", -1)) == [("cid", "c1")], "whoever becomes idle joins at once"
    out = floor.answer("offer2")
    assert floor.cancelled(out) == [("ann", "lost race"), ("cid", "lost race")]


def test_progressive_does_not_grow_for_a_caller_who_is_served() -> None:
    floor = floor_of("progressive", progressive_s=10.0, timeout=0.0)
    floor.answer(floor.one(Offer, floor.call("c1")))
    assert floor.rung(floor.run(60)) == []


# --- plug-ins ---------------------------------------------------------------------------------------------------------


class Plugin:
    def __init__(self, answer: Any = "", took_s: float = 0.0) -> None:
        self.answer, self.took_s, self.clock = answer, took_s, 0.0
        self.asked: list[tuple[CallerFacts, Sequence[AgentFacts]]] = []

    def __call__(self, caller: CallerFacts, agents: Sequence[AgentFacts]) -> str:
        self.asked.append((caller, agents))
        self.clock += self.took_s
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]

    def floor(self) -> Floor:
        skills = {"ann": 1, "bob": 3, "cid": 2}
        agents = {name: Agent(endpoint=name, skills={"a": level}) for name, level in skills.items()}
        queue = Queue(members=members("ann", "bob", "cid"), strategy_plugin="mine", wrapuptime=0)
        rules = Rules(plugins={"mine": self}, stopwatch=lambda: self.clock)
        return Floor({"q": queue}, agents, rules=rules)


class Trap:
    """A stranger's object that must not be asked for anything."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        raise AssertionError("shown")

    __str__ = __repr__


def test_a_plugin_decides_and_is_shown_what_it_needs() -> None:
    plugin = Plugin("cid")
    floor = plugin.floor()
    assert floor.rung(floor.call("c1", ani="+34911", priority=2)) == [("cid", "c1")]
    [(caller, agents)] = plugin.asked
    assert (caller.call, caller.queue, caller.ani, caller.priority) == ("c1", "q", "+34911", 2)
    assert [(each.agent, each.skills["a"], each.calls) for each in agents] == [
        ("ann", 1, 0),
        ("bob", 3, 0),
        ("cid", 2, 0),
    ]
    assert agents[0].idle_s > agents[1].idle_s > 0
    plugin.answer = "bob"
    assert floor.rung(floor.call("c2")) == [("bob", "c2")]
    assert floor.rung(floor.call("c3")) == [("ann", "c3")], "nobody is asked where there is one agent alone"
    assert len(plugin.asked) == 2


@pytest.mark.parametrize(
    ("plugin", "problem"),
    [
        (Plugin(ValueError("no such key")), "raised ValueError: no such key"),
        (Plugin("cid", took_s=0.01), "took 10000 µs of 2000"),
        (Plugin("nobody"), "chose 'nobody', who was not offered"),
        (Plugin(Trap()), "answered a Trap, expected the name of an agent"),
        (Plugin(None), "answered a NoneType, expected the name of an agent"),
        (Plugin(SystemExit("bye")), "raised SystemExit: bye"),
        (Plugin(ValueError(Trap())), "raised ValueError: "),
    ],
)
def test_a_broken_plugin_is_contained(plugin: Plugin, problem: str) -> None:
    floor = plugin.floor()
    out = floor.call("c1")
    assert floor.rung(out) == [("ann", "c1")], "the queue's own strategy decides"
    [failed] = floor.of(StrategyFailed, out)
    assert (failed.plugin, failed.queue, failed.problem) == ("mine", "q", problem)


def test_a_plugin_that_fails_three_times_is_left_out_for_a_minute() -> None:
    plugin = Plugin(RuntimeError("broken"))
    floor = plugin.floor()
    for n in range(6):
        floor.talk(f"c{n}", 1)
    assert len(plugin.asked) == 3
    plugin.answer = "cid"
    floor.run(60)
    assert floor.rung(floor.call("x")) == [("cid", "x")]


def test_a_plugin_that_is_not_installed_is_told_and_missed_by_nobody() -> None:
    queue = Queue(members=members("ann", "bob"), strategy_plugin="other")
    floor = Floor({"q": queue}, "ann bob")
    out = floor.call("c1")
    assert floor.rung(out) == [("ann", "c1")]
    assert floor.one(StrategyFailed, out).problem == "is not installed"
