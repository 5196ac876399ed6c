"""Pauses with limits: how many may pause for one reason at once, how long, and what happens when that is over.

Also pauses that the engine itself has declared and ends again (`autopause_release_s`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from softswitch.acd.agents import AgentRecord
from softswitch.acd.errors import Refused
from softswitch.acd.timers import Timers
from softswitch.acd.values import AgentStatus, Decision, PauseOverdue
from softswitch.config.matching import PauseReason

if TYPE_CHECKING:
    from softswitch.acd.roster import Roster

AUTOPAUSE = "autopause"
"""Reason of a pause that the engine declares."""
OVERSTAYED = "pause too long"
"""Reason of the log-out of who has paused too long."""


class Pauses:
    def __init__(self, roster: Roster, timers: Timers) -> None:
        self._roster = roster
        self._timers = timers
        self._reasons: Mapping[str, PauseReason] = {}
        self._paused: dict[str, dict[str, None]] = {}
        """Reason to the agents who pause for it."""

    def configure(self, reasons: Mapping[str, PauseReason]) -> None:
        """Pauses that last keep the limits they began with."""
        self._reasons = reasons

    def ask(self, agent: AgentRecord, reason: str) -> None:
        """Raises Refused when as many as may pause for this reason do so already."""
        limit = self._reasons.get(reason)
        here = self._paused.get(reason, {})
        if limit is None or not limit.max_agents or agent.agent in here or len(here) < limit.max_agents:
            return
        who = ", ".join(sorted(here)[:10])
        raise Refused(f"{len(here)} of {limit.max_agents} agents pause for {reason!r} already: {who}")

    def declared(self, agent: AgentRecord, before: tuple[AgentStatus, str], since: float, now: float) -> None:
        """He has declared another status or reason, `since` when he was restored."""
        self._timers.cancel(agent.pause)
        agent.pause = None
        if before[0] is AgentStatus.PAUSED:
            here = self._paused.get(before[1], {})
            here.pop(agent.agent, None)
            if not here:
                self._paused.pop(before[1], None)
        if agent.status is AgentStatus.PAUSED:
            self._paused.setdefault(agent.reason, {})[agent.agent] = None
            limit = self._reasons.get(agent.reason)
            if limit is not None and limit.max_minutes:
                agent.pause = self._timers.at(max(now, since + 60 * limit.max_minutes), self._over, agent)

    def release_at(self, agent: AgentRecord, due: float) -> None:
        """An automatic pause that ends by itself."""
        self._timers.cancel(agent.pause)
        agent.pause = self._timers.at(due, self._release, agent)

    def _release(self, agent: AgentRecord, now: float, out: list[Decision]) -> None:
        agent.pause = None
        self._roster.set_status(agent, AgentStatus.AVAILABLE, "", now, out)

    def _over(self, agent: AgentRecord, now: float, out: list[Decision]) -> None:
        agent.pause = None
        limit = self._reasons.get(agent.reason)
        if limit is None:
            return
        out.append(PauseOverdue(agent=agent.agent, reason=agent.reason, max_minutes=limit.max_minutes))
        if limit.then == "resume":
            self._roster.set_status(agent, AgentStatus.AVAILABLE, "", now, out)
        elif limit.then == "logout":
            self._roster.set_status(agent, AgentStatus.LOGGED_OUT, OVERSTAYED, now, out)
