"""What calls out through trunks share: whose turn it is in a group, prices, calls per second, and the guard against fraud.

A shell over `trunk_plan.py`, `prices.py` and `toll_guard.py`: it remembers what they must not.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import structlog

from softswitch.call.alarms import Alarms
from softswitch.call.call_limits import CallLimits
from softswitch.call.numbering import rules_for, to_e164
from softswitch.call.opening import opening
from softswitch.call.prices import PriceTable
from softswitch.call.termination import Cause, Termination, by_switch
from softswitch.call.toll_guard import TollGuard
from softswitch.call.trunk_plan import Planner, TrunkPlan
from softswitch.clock import Clock
from softswitch.config.schema import Config
from softswitch.config.target import Target
from softswitch.hours import CalendarHours
from softswitch.ids import LegId

FRAUD_ALARM = "toll fraud"
ALARM_S = 3600.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Meter:
    """A bucket of as many calls as may begin within a second."""

    tokens: float
    at: float

    def take(self, rate: float, now: float) -> bool:
        most = max(rate, 1.0)
        self.tokens = min(most, self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class Trunking:
    def __init__(self, config: Config, clock: Clock, entropy: Callable[[int], bytes], alarms: Alarms) -> None:
        self.guard = TollGuard(ZoneInfo(config.general.timezone))
        self.limits = CallLimits()
        self._clock = clock
        self._entropy = entropy
        self._alarms = alarms
        self._alarmed: dict[str, float] = {}
        self._turns: Counter[str] = Counter()
        self._meters: dict[str, _Meter] = {}
        self._priced: Mapping[str, object] | None = None
        self._prices: dict[str, PriceTable] = {}

    def plan(
        self,
        config: Config,
        calendars: Mapping[str, CalendarHours],
        target: Target,
        dialled: str,
        source: str,
        *,
        looking: bool = False,
    ) -> TrunkPlan:
        """`looking`: nobody calls, so it is nobody's turn."""
        kind, _, name = source.partition(":")
        is_open: Mapping[str, bool] = {}
        if target.kind == "lcr":
            is_open = opening(calendars, datetime.fromtimestamp(self._clock.wall(), tz=UTC)).open
        planner = Planner(
            config=config,
            prices=self._tables(config) if target.kind == "lcr" else {},
            is_open=is_open,
            draw=self._draw,
            turn=self._turns.__getitem__ if looking else self._turn,
        )
        return planner.plan(target, dialled, rules_for(config, kind, name))

    def e164(self, config: Config, number: str, source: str) -> str:
        """A number as `source` writes it."""
        kind, _, name = source.partition(":")
        return to_e164(number, rules_for(config, kind, name))

    def too_fast(self, config: Config, trunk: str) -> bool:
        """True when no further call may begin there within this second; else it is counted."""
        rate = config.trunk[trunk].max_calls_per_s
        if not rate:
            return False
        now = self._clock.monotonic()
        meter = self._meters.get(trunk)
        if meter is None:
            meter = self._meters[trunk] = _Meter(max(rate, 1.0), now)
        return not meter.take(rate, now)

    def refused(self, config: Config, source: str, number: str, call: str) -> Termination | None:
        """Why `source` may not call `number`, by the guard; None: he may, and it is counted. `number` in E.164."""
        if not config.toll.enabled:
            return None
        now = self._clock.wall()
        refusal = self.guard.check(config, source, number, now)
        if refusal is None:
            self.guard.count(source, number, now)
            self._calm(source, now)
            return None
        _log.warning(
            "call out refused by the toll guard",
            call=call,
            source=source,
            number=number,
            rule=refusal.rule,
            problem=refusal.words,
        )
        self._alarms.raise_(f"{FRAUD_ALARM} {source}", f"{number}: {refusal.words}")
        self._alarmed[source] = now
        return by_switch(Cause.TOLL, 403)

    def _calm(self, source: str, now: float) -> None:
        """An alarm ends with the first call that is allowed an hour after the last refusal."""
        if self._alarmed and now - self._alarmed.get(source, now) > ALARM_S:
            del self._alarmed[source]
            self._alarms.clear(f"{FRAUD_ALARM} {source}")

    def began(self, config: Config, leg: LegId, source: str, *, trunk: str, number: str) -> None:
        """`number` as it is written to that trunk."""
        if config.toll.enabled:
            rules = rules_for(config, "trunk", trunk)
            digits = to_e164(number, rules).removeprefix("+")
            self.guard.began(leg, source, charged=len(digits) >= rules.shortest)

    def answered(self, config: Config, leg: LegId, *, since: float | None = None) -> None:
        """`since`: when, of a call that outlived a restart. Wall."""
        now = self._clock.wall()
        since = now if since is None else since
        self.guard.answered(leg, since)
        longest_s = self.guard.longest_s(config, leg)
        if longest_s:
            self.limits.begin(leg, max(0.0, since + longest_s - now))

    def account_of(self, leg: LegId) -> str:
        """Who is charged for it; empty for who is no call out."""
        return self.guard.account_of(leg)

    def ended(self, leg: LegId) -> None:
        self.guard.ended(leg, self._clock.wall())
        self.limits.end(leg)

    def _tables(self, config: Config) -> Mapping[str, PriceTable]:
        if self._priced is not config.lcr:
            self._priced = config.lcr
            self._prices = {name: PriceTable(lcr) for name, lcr in config.lcr.items()}
        return self._prices

    def _turn(self, group: str) -> int:
        self._turns[group] += 1
        return self._turns[group] - 1

    def _draw(self, most: int) -> int:
        return int.from_bytes(self._entropy(8)) % (most + 1)
