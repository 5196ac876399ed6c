"""Answers what the control API asks about calls out."""

from dataclasses import asdict
from datetime import UTC, datetime

from softswitch.api.errors import UnknownThing
from softswitch.api.trunk_views import (
    CandidateView,
    DeadTargetView,
    FraudView,
    GroupMemberView,
    GroupView,
    RouteTestView,
    TollView,
)
from softswitch.app.parts import Parts
from softswitch.app.sip_views import trunk_views
from softswitch.call.opening import opening
from softswitch.call.route_test import Tested, outgoing_number, tested_route
from softswitch.call.toll_guard import PastAttempt, TollUsage, limits_of
from softswitch.config.problem import nearest

HOURS_BACK_S = 26 * 3600.0
"""More than the longest day."""


class TrunkAnswers:
    """Implements `api.trunk_control.TrunkControl`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def groups(self) -> tuple[GroupView, ...]:
        config = self._parts.services.config
        states = {view.trunk: view for view in trunk_views(self._parts)}
        return tuple(
            GroupView(
                group=name,
                strategy=group.strategy,
                failover_on=group.failover_on,
                attempts=group.attempts,
                members=tuple(
                    GroupMemberView(
                        **asdict(member),
                        state=states[member.trunk].state,
                        channels=states[member.trunk].channels,
                        max_channels=states[member.trunk].max_channels,
                    )
                    for member in group.members
                    if member.trunk in states
                ),
            )
            for name, group in config.trunk_group.items()
        )

    def route_test(self, number: str, source: str) -> RouteTestView:
        services = self._parts.services
        kind, name = self._source(source)
        now = datetime.fromtimestamp(services.clock.wall(), tz=UTC)
        tested = tested_route(services, opening(services.calendars, now).open, number, kind, name)
        routed, plan = tested.routed, tested.plan
        return RouteTestView(
            number=number,
            source=f"{kind}:{name}",
            route=routed.route if routed is not None else "",
            target=routed.feature or str(routed.target) if routed is not None else "",
            dialled=routed.dialled if routed is not None else "",
            e164=plan.e164 if plan is not None else "",
            refused=tested.refusal.words if tested.refusal is not None else "",
            candidates=self._candidates(tested),
            explanation=tested.words,
        )

    def _candidates(self, tested: Tested) -> tuple[CandidateView, ...]:
        config = self._parts.services.config
        return tuple(
            CandidateView(
                trunk=each.trunk,
                number=outgoing_number(config, each),
                why=each.why,
                usable=each.trunk not in tested.problems,
                problem=tested.problems.get(each.trunk, ""),
            )
            for each in (tested.plan.candidates if tested.plan is not None else ())
        )

    def _source(self, source: str) -> tuple[str, str]:
        config = self._parts.services.config
        kind, colon, name = source.partition(":")
        kind, name = (kind, name) if colon else ("endpoint", source or "*")
        known = {"endpoint": [*config.endpoint, "*"], "trunk": [*config.trunk]}.get(kind)
        if known is None or name not in known:
            meant = nearest(name, known or ())
            hint = f"did you mean {meant!r}?" if meant else "write a phone, or trunk:NAME"
            raise UnknownThing(f"there is no {source!r} that calls", hint=hint)
        return kind, name

    def fraud(self) -> FraudView:
        services = self._parts.services
        guard = services.trunking.guard
        used = dict(guard.view(services.clock.wall()))
        sources = sorted({*used, *(f"endpoint:{name}" for name in services.config.endpoint)})
        enabled = services.config.toll.enabled
        views = tuple(self._toll(source, used.get(source, TollUsage())) for source in sources)
        return FraudView(enabled=enabled, sources=views if enabled else ())

    def _toll(self, source: str, usage: TollUsage) -> TollView:
        services = self._parts.services
        limits = limits_of(services.config, source)
        return TollView(
            source=source,
            concurrent=services.trunking.guard.running(source),
            max_concurrent=limits.max_concurrent,
            calls_hour=usage.calls_hour,
            calls_per_hour=limits.calls_per_hour,
            calls_day=usage.calls_day,
            calls_per_day=limits.calls_per_day,
            minutes_hour=round(usage.seconds_hour / 60, 2),
            minutes_per_hour=limits.minutes_per_hour,
            minutes_day=round(usage.seconds_day / 60, 2),
            minutes_per_day=limits.minutes_per_day,
            allowed=limits.allowed or (services.config.numbers.country,),
            blocked=limits.blocked,
            refused=usage.refused,
            last_refusal=usage.last_refusal,
        )

    def dead_targets(self) -> tuple[DeadTargetView, ...]:
        now = self._parts.clock.monotonic()
        return tuple(
            DeadTargetView(
                target=str(place),
                reason=dead.reason,
                failures=dead.failures,
                asked_in_s=round(max(0.0, dead.until - now), 1),
            )
            for place, dead in self._parts.sip.dead_targets().view()
        )


async def restore_toll(parts: Parts) -> None:
    """What was dialled of this hour and day before the switch started counts on."""
    if not parts.services.config.toll.enabled:
        return
    wall = parts.clock.wall()
    past = await parts.store.reading.past_attempts(wall - HOURS_BACK_S)
    parts.services.trunking.guard.restore((PastAttempt(**each) for each in past), wall)
