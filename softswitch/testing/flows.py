"""What `FakeControl` does with versions of flows: it remembers the wishes."""

from dataclasses import dataclass, field

from softswitch.api.flow_control import FlowVersionView, FlowView, VersionWish


def _view(live: int) -> FlowView:
    versions = tuple(
        FlowVersionView(
            version=number,
            since=1_780_000_000.0 + number,
            live=number == live,
            in_file=number == 2,
            nodes=3,
            calls=number,
            in_flow=1,
        )
        for number in (1, 2)
    )
    return FlowView(flow="main", live=live, rolled_back=live != 2, versions=versions)


@dataclass
class FakeFlows:
    wishes: list[tuple[str, VersionWish]] = field(default_factory=list)

    def flows(self) -> tuple[FlowView, ...]:
        return (_view(2),)

    async def use(self, flow: str, wish: VersionWish) -> FlowView:
        self.wishes.append((flow, wish))
        return _view(1 if wish.version is None else wish.version or 2)
