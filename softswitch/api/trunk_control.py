"""What the control API can ask about calls out."""

from typing import Protocol

from softswitch.api.trunk_views import DeadTargetView, FraudView, GroupView, RouteTestView


class TrunkControl(Protocol):
    def groups(self) -> tuple[GroupView, ...]: ...

    def route_test(self, number: str, source: str) -> RouteTestView:
        """`source` is a phone, `trunk:NAME`, or empty for any phone; raises `UnknownThing`."""

    def fraud(self) -> FraudView: ...

    def dead_targets(self) -> tuple[DeadTargetView, ...]: ...
