"""Strategies of installed packages: asked, measured, and contained when they raise, are late or answer nonsense.

A decision without a usable answer falls to the queue's own strategy and is told as `StrategyFailed`. After three in a row,
or one that had to be stopped because it did not return, the plug-in is left out for a minute, so that a broken one costs
the others nothing. Whoever hands the functions over sees to their being stopped: they raise TimeoutError then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from softswitch.acd.facts import AgentFacts, CallerFacts
from softswitch.acd.rules import Rules
from softswitch.acd.values import Decision, StrategyFailed

if TYPE_CHECKING:
    from softswitch.acd.agent_class import Entry
    from softswitch.acd.callers import Caller

MOST = 50
"""Agents that a plug-in is shown for one decision."""
_IN_A_ROW = 3
_LEFT_OUT_S = 60.0


class Plugins:
    def __init__(self) -> None:
        self._rules = Rules()
        self._failures: dict[str, int] = {}
        self._left_out: dict[str, float] = {}

    def configure(self, rules: Rules) -> None:
        """Whoever was left out gets another chance."""
        self._rules = rules
        self._failures.clear()
        self._left_out.clear()

    def choose(
        self, caller: Caller, entries: Sequence[Entry], now: float, out: list[Decision]
    ) -> Entry | None:
        """Whom the queue's plug-in rings; None: it has no say this time."""
        name = caller.queue.config.strategy_plugin
        if len(entries) < 2 or now < self._left_out.get(name, now):
            return None
        hung = False
        try:
            answer, problem = self._asked(name, caller, entries, now)
        except TimeoutError as error:
            answer, problem, hung = "", str(error), True
        for entry in entries:
            if not problem and entry[4].agent == answer:
                self._failures.pop(name, None)
                return entry
        problem = problem or f"chose {answer!r}, who was not offered"
        self._failures[name] = self._failures.get(name, 0) + 1
        if hung or self._failures[name] % _IN_A_ROW == 0:
            self._left_out[name] = now + _LEFT_OUT_S
        out.append(StrategyFailed(plugin=name, queue=caller.queue.name, problem=problem[:200]))
        return None

    def _asked(self, name: str, caller: Caller, entries: Sequence[Entry], now: float) -> tuple[str, str]:
        """Its answer, and what is wrong with it."""
        function = self._rules.plugins.get(name)
        if function is None:
            return "", "is not installed"
        about = caller_facts(caller, now)
        agents = tuple(agent_facts(caller, entry, now) for entry in entries)
        began = self._rules.stopwatch()
        try:
            answer = function(about, agents)
        except TimeoutError:
            raise
        except (
            BaseException
        ) as error:  # whatever a stranger's code raises, `sys.exit` too, must not stop the queues
            return "", f"raised {type(error).__name__}: {_said(error)}"
        if type(answer) is not str:  # to compare or to show another thing is to run more of a stranger's code
            return "", f"answered a {type(answer).__name__}, expected the name of an agent"
        took_us = (self._rules.stopwatch() - began) * 1e6
        budget_us = self._rules.matching.plugin_budget_us
        return answer, (f"took {took_us:.0f} µs of {budget_us}" if took_us > budget_us else "")


def _said(error: BaseException) -> str:
    """Of what it was raised with, without the stranger's `__str__`."""
    return ", ".join(each for each in error.args if type(each) is str)


def caller_facts(caller: Caller, now: float) -> CallerFacts:
    return CallerFacts(
        call=caller.call,
        queue=caller.queue.name,
        ani=caller.given.ani,
        waited_s=caller.waited(now),
        priority=caller.priority,
        required=_copied(caller.group.demand.required),
        step=caller.step,
    )


def agent_facts(caller: Caller, entry: Entry, now: float) -> AgentFacts:
    agent = entry[4]
    return AgentFacts(
        agent=agent.agent,
        skills=_copied(agent.config.skills),
        penalty=agent.group.penalties.get(caller.queue.name, 0),
        idle_s=now - agent.idle_since,
        calls=agent.calls,
        talk_s=agent.talk_s,
        occupancy=agent.workload.at(now),
    )


def _copied(levels: Mapping[str, int]) -> dict[str, int]:
    """A plug-in may do with it what it likes."""
    return dict(levels)
