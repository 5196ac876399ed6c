"""Guards against toll fraud: which destinations may be dialled, and how many calls and minutes a phone or trunk may use.

Pure but for what it counts; `now` is wall time. Counters are of the clock hour and of the day in the zone of the switch;
after a restart they are made again from the attempts in the store. A call that runs is cut by `max_call_s` alone: what it
costs counts for whether the next may begin.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from zoneinfo import ZoneInfo

from softswitch.config.schema import Config
from softswitch.config.trunks import EndpointToll, Toll
from softswitch.ids import LegId

_E164 = re.compile(r"\+[0-9]+", re.ASCII)
MAX_NUMBERS = 10_000
"""Destinations counted within an hour; beyond, further ones are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TollRefusal:
    rule: str
    """Key of the rule, `allowed`, `max_concurrent` and so on."""
    words: str
    """For the log, the alarm and the Reason header."""


@dataclass(slots=True, kw_only=True)
class TollUsage:
    """What one phone or trunk used."""

    hour: int = 0
    day: int = 0
    calls_hour: int = 0
    calls_day: int = 0
    seconds_hour: float = 0.0
    seconds_day: float = 0.0
    refused: int = 0
    """Calls that were refused since the switch started."""
    last_refusal: str = ""


@dataclass(slots=True)
class _Outgoing:
    source: str
    charged: bool
    answered: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAttempt:
    """A call out that the store knows of."""

    source: str
    number: str
    began: float
    talk_s: float


@dataclass(slots=True)
class TollGuard:
    zone: ZoneInfo
    _usage: dict[str, TollUsage] = field(default_factory=dict)
    _running: dict[LegId, _Outgoing] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _numbers_hour: int = 0

    def check(self, config: Config, source: str, number: str, now: float) -> TollRefusal | None:
        """Why `source` may not call `number` (E.164 with `+`, or a short one) now; a refusal is counted."""
        refusal = self.judge(config, source, number, now)
        if refusal is not None:
            usage = self._of(source, now)
            usage.refused += 1
            usage.last_refusal = refusal.words
        return refusal

    def judge(self, config: Config, source: str, number: str, now: float) -> TollRefusal | None:
        """As `check`, for whoever only asks."""
        limits = limits_of(config, source)
        return self._destination(limits, config, number) or self._amount(limits, source, number, now)

    def count(self, source: str, number: str, now: float) -> None:
        """A call out begins, at however many trunks it will be tried."""
        usage = self._of(source, now)
        usage.calls_hour += 1
        usage.calls_day += 1
        self._count_number(number, now)

    def began(self, leg: LegId, source: str, *, charged: bool = True) -> None:
        """`leg` rings at a trunk for it; `charged`: at a number that costs."""
        self._running[leg] = _Outgoing(source, charged)

    def account_of(self, leg: LegId) -> str:
        """Who is charged for it; empty for one that is not known."""
        outgoing = self._running.get(leg)
        return outgoing.source if outgoing is not None else ""

    def longest_s(self, config: Config, leg: LegId) -> int:
        """How long this call out may last; 0: as long as it wants."""
        outgoing = self._running.get(leg)
        if outgoing is None or not outgoing.charged:
            return 0
        return limits_of(config, outgoing.source).max_call_s

    def answered(self, leg: LegId, now: float) -> None:
        outgoing = self._running.get(leg)
        if outgoing is not None and outgoing.answered is None:
            outgoing.answered = now

    def ended(self, leg: LegId, now: float) -> None:
        outgoing = self._running.pop(leg, None)
        if outgoing is not None and outgoing.answered is not None:
            usage = self._of(outgoing.source, now)
            talked = max(0.0, now - outgoing.answered)
            usage.seconds_hour += talked
            usage.seconds_day += talked

    def restore(self, attempts: Iterable[PastAttempt], now: float) -> None:
        """What was used of this hour and day before the switch started."""
        for attempt in attempts:
            usage = self._of(attempt.source, now)
            if self._day(attempt.began) == usage.day:
                usage.calls_day += 1
                usage.seconds_day += attempt.talk_s
            if int(attempt.began // 3600) == usage.hour:
                usage.calls_hour += 1
                usage.seconds_hour += attempt.talk_s
                self._count_number(attempt.number, now)

    def running(self, source: str) -> int:
        return sum(outgoing.source == source for outgoing in self._running.values())

    def view(self, now: float) -> Mapping[str, TollUsage]:
        """By source, with what running calls have used so far."""
        return {source: self._with_running(source, now) for source in sorted(self._usage)}

    # --- rules --------------------------------------------------------------------------------------------------------

    def _destination(self, limits: Toll, config: Config, number: str) -> TollRefusal | None:
        if not _E164.fullmatch(number):
            if len(number) < config.numbers.shortest and not number.startswith("+"):
                return None
            return TollRefusal(rule="allowed", words=f"{number} cannot be understood as a number in E.164")
        digits = number[1:]
        allowed = limits.allowed or (config.numbers.country,)
        yes, no = _longest(allowed, digits), _longest(limits.blocked, digits)
        if no and len(no) >= len(yes):
            return TollRefusal(rule="blocked", words=f"destinations {no} are blocked")
        if not yes:
            return TollRefusal(rule="allowed", words=f"{number} is outside of the allowed destinations")
        return None

    def _amount(self, limits: Toll, source: str, number: str, now: float) -> TollRefusal | None:
        usage = self._with_running(source, now)
        used = {
            "max_concurrent": float(self.running(source)),
            "calls_per_hour": float(usage.calls_hour),
            "calls_per_day": float(usage.calls_day),
            "minutes_per_hour": usage.seconds_hour / 60,
            "minutes_per_day": usage.seconds_day / 60,
            "same_number_per_hour": float(self._number_count(number, now)),
        }
        for rule, amount in used.items():
            most = getattr(limits, rule)
            if most and amount >= most:
                return TollRefusal(rule=rule, words=f"{rule.replace('_', ' ')} reached: {most}")
        return None

    # --- counting -----------------------------------------------------------------------------------------------------

    def _of(self, source: str, now: float) -> TollUsage:
        usage = self._usage.get(source)
        if usage is None:
            usage = self._usage[source] = TollUsage()
        hour, day = int(now // 3600), self._day(now)
        if usage.hour != hour:
            usage.hour, usage.calls_hour, usage.seconds_hour = hour, 0, 0.0
        if usage.day != day:
            usage.day, usage.calls_day, usage.seconds_day = day, 0, 0.0
        return usage

    def _with_running(self, source: str, now: float) -> TollUsage:
        usage = self._of(source, now)
        talking = sum(
            max(0.0, now - outgoing.answered)
            for outgoing in self._running.values()
            if outgoing.source == source and outgoing.answered is not None
        )
        copy = TollUsage(**{each.name: getattr(usage, each.name) for each in fields(usage)})
        copy.seconds_hour += talking
        copy.seconds_day += talking
        return copy

    def _day(self, wall: float) -> int:
        return datetime.fromtimestamp(wall, self.zone).toordinal()

    def _count_number(self, number: str, now: float) -> None:
        known = self._number_count(number, now)
        if known or len(self._numbers) < MAX_NUMBERS:
            self._numbers[number] = known + 1

    def _number_count(self, number: str, now: float) -> int:
        hour = int(now // 3600)
        if self._numbers_hour != hour:
            self._numbers_hour = hour
            self._numbers.clear()
        return self._numbers.get(number, 0)


def limits_of(config: Config, source: str) -> Toll:
    """`[toll]` with what `source`, `endpoint:NAME` or `trunk:NAME`, has of its own."""
    kind, _, name = source.partition(":")
    endpoint = config.endpoint.get(name) if kind == "endpoint" else None
    own = endpoint.toll if endpoint is not None else None
    if own is None:
        return config.toll
    common = {each.name: getattr(config.toll, each.name) for each in fields(Toll)}
    special = {each.name: getattr(own, each.name) for each in fields(EndpointToll)}
    return Toll(**{**common, **{key: value for key, value in special.items() if value is not None}})


def _longest(prefixes: Iterable[str], digits: str) -> str:
    return max((prefix for prefix in prefixes if digits.startswith(prefix)), key=len, default="")
