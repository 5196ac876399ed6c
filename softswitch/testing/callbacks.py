"""What `FakeControl` knows of callbacks."""

from dataclasses import dataclass, field, replace

from softswitch.api.callback_control import CallbackView
from softswitch.api.errors import UnknownThing


@dataclass
class FakeCallbacks:
    views: dict[str, CallbackView] = field(
        default_factory=lambda: {
            "cb1": CallbackView(
                callback="cb1",
                queue="sales",
                number="+34600000001",
                state="paused",
                asked=1_800_000_000.0,
                position=2,
                waited_s=200.0,
                attempts=1,
                next_at=1_800_000_300.0,
                result="busy",
            )
        }
    )

    async def callbacks(self, since: float | None) -> tuple[CallbackView, ...]:
        return tuple(each for each in self.views.values() if since is not None or each.ended is None)

    async def cancel(self, callback: str) -> CallbackView:
        if callback not in self.views:
            raise UnknownThing(f"no callback {callback} is open")
        self.views[callback] = replace(self.views[callback], state="cancelled", ended=1_800_000_100.0)
        return self.views[callback]
