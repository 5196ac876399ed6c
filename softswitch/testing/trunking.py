"""What `FakeControl` shows of calls out."""

from dataclasses import dataclass

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


@dataclass
class FakeTrunking:
    """Implements `TrunkControl`."""

    def groups(self) -> tuple[GroupView, ...]:
        north = GroupMemberView(trunk="north", priority=1, weight=1, state="up", channels=3, max_channels=30)
        return (
            GroupView(
                group="out", strategy="priority", failover_on=("5xx", "408"), attempts=3, members=(north,)
            ),
        )

    def route_test(self, number: str, source: str) -> RouteTestView:
        if source == "9999":
            raise UnknownThing("there is no '9999' that calls", hint="write a phone, or trunk:NAME")
        return RouteTestView(
            number=number,
            source=f"endpoint:{source or '*'}",
            route="_9.",
            target="trunk:out",
            dialled=number[1:],
            e164="+34911234567",
            refused="",
            candidates=(
                CandidateView(trunk="north", number="+34911234567", why="group out", usable=True),
                CandidateView(
                    trunk="south", number="+34911234567", why="group out", usable=False, problem="it is down"
                ),
            ),
            explanation=("any phone calls", "route _9. leads to trunk:out"),
        )

    def fraud(self) -> FraudView:
        return FraudView(
            enabled=True,
            sources=(
                TollView(
                    source="endpoint:1001",
                    concurrent=1,
                    max_concurrent=2,
                    calls_hour=3,
                    calls_per_hour=20,
                    calls_day=7,
                    calls_per_day=0,
                    minutes_hour=4.5,
                    minutes_per_hour=0,
                    minutes_day=12.0,
                    minutes_per_day=120,
                    allowed=("34",),
                    blocked=("34803",),
                    refused=2,
                    last_refusal="destinations 34803 are blocked",
                ),
            ),
        )

    def dead_targets(self) -> tuple[DeadTargetView, ...]:
        return (DeadTargetView(target="udp:192.0.2.7:5060", reason="timeout", failures=2, asked_in_s=41.0),)
