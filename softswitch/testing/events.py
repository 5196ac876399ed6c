"""What `FakeControl` shows of subscriptions and messages, and the list of orders it was given."""

from dataclasses import dataclass, field, replace

from softswitch.api.errors import UnknownThing
from softswitch.api.events_views import BoxView, EventsView, MessageView, SubscriptionView

MESSAGE = "01ARZ3NDEKTSV4RRFFM9"
START = 1_780_000_000.0


_SHOWN = MessageView(
    message=MESSAGE,
    box="sales",
    began=START,
    seconds=12.0,
    ani="+34600000001",
    dnis="+34910000000",
    call="01ARZ3NDEKTSV4RRFFQ6",
    file=f"/var/lib/softswitch/recordings/{MESSAGE}.wav",
    heard=None,
)


@dataclass
class FakeEvents:
    """Implements `EventsControl`."""

    commands: list[tuple[object, ...]] = field(default_factory=list)
    message: MessageView = _SHOWN

    def subscriptions(self) -> tuple[SubscriptionView, ...]:
        view = SubscriptionView(
            subscriber="endpoint:1009",
            package="dialog",
            resource="endpoint:1001",
            address="sip:1001@192.0.2.1",
            parties=True,
            source="udp:192.0.2.9:5060",
            state="idle",
            expires_s=600.0,
            version=3,
            sip_call_id="a84b4c76e66710",
        )
        return (view,)

    def figures(self) -> EventsView:
        return EventsView(
            subscriptions={"dialog": 1},
            accepted=2,
            refreshed=5,
            changes=9,
            notifies=14,
            refused={"403": 1},
            ended={"timeout": 1},
        )

    def boxes(self) -> tuple[BoxView, ...]:
        return (BoxView(box="sales", new=1, old=2),)

    async def messages(self, box: str, new: bool | None, limit: int) -> tuple[MessageView, ...]:
        self.commands.append(("messages", box, new, limit))
        return (self.message,)

    async def mark(self, message: str, heard: bool) -> MessageView:
        self._order("mark", message, heard)
        return replace(self.message, heard=START if heard else None)

    async def delete(self, message: str) -> None:
        self._order("delete", message)

    def _order(self, order: str, message: str, *more: object) -> None:
        if message != MESSAGE:
            raise UnknownThing(
                f"no message is called {message!r}", hint="`softswitch message list` lists them"
            )
        self.commands.append((order, message, *more))
