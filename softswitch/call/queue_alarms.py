"""What is wrong with queues and agents, as alarms: pauses that last too long, strategies that fail, and an engine that had
to be healed. Also looks at the engine from time to time, since what cannot happen must be seen when it does.
"""

from collections.abc import Callable, Iterable, Set

import structlog

from softswitch.acd.engine import Engine
from softswitch.acd.values import AgentStatus, Decision, Healed, PauseOverdue, StatusChanged, StrategyFailed
from softswitch.call.services import Services
from softswitch.ids import CallId

_log = structlog.get_logger(__name__)

HEALED = "queues healed"
_OVERDUE = "pause of {}"
_STRATEGY = "strategy {}"
_SHOWN = 5


class QueueAlarms:
    def __init__(
        self,
        services: Services,
        engine: Engine,
        act: Callable[[Iterable[Decision]], None],
        calls: Callable[[], tuple[Set[CallId], Set[CallId]]],
    ) -> None:
        """`calls`: those that wait, and those that an agent has."""
        self._services = services
        self._engine = engine
        self._act = act
        self._calls = calls
        self._checked = services.clock.monotonic()
        self._overdue: set[str] = set()

    def overdue(self, decision: PauseOverdue) -> None:
        self._overdue.add(decision.agent)
        message = f"agent {decision.agent} pauses for {decision.reason!r} for more than {decision.max_minutes:g} min"
        self._services.alarms.raise_(_OVERDUE.format(decision.agent), message)

    def status_changed(self, changed: StatusChanged) -> None:
        if changed.agent in self._overdue and changed.status is not AgentStatus.PAUSED:
            self._overdue.discard(changed.agent)
            self._services.alarms.clear(_OVERDUE.format(changed.agent))

    def strategy_failed(self, failed: StrategyFailed) -> None:
        name = _STRATEGY.format(failed.plugin)
        _log.warning("strategy failed", strategy=failed.plugin, queue=failed.queue, problem=failed.problem)
        self._services.alarms.raise_(
            name, f"queue {failed.queue}: {failed.problem}; its own strategy decides"
        )

    def healed(self, healed: Healed) -> None:
        _log.error("queues were healed", problems=healed.problems)
        more = f" and {len(healed.problems) - _SHOWN} more" if len(healed.problems) > _SHOWN else ""
        self._services.alarms.raise_(HEALED, "; ".join(healed.problems[:_SHOWN]) + more)

    def look(self) -> None:
        """Called often; examines the engine when that is due (`matching.check_interval_s`)."""
        now = self._services.clock.monotonic()
        interval_s = self._services.config.matching.check_interval_s
        if interval_s <= 0 or now - self._checked < interval_s:
            return
        self._checked = now
        waiting, talking = self._calls()
        decisions = self._engine.heal(now, waiting=waiting, talking=talking)
        if decisions:
            self._act(decisions)

    def look_close(self) -> None:
        """After every event, in debug: without the calls, which are between two states here."""
        decisions = self._engine.heal(self._services.clock.monotonic())
        if decisions:
            self._act(decisions)
