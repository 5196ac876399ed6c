"""What the control API can ask of subscriptions and of messages in boxes."""

from typing import Protocol

from softswitch.api.events_views import BoxView, EventsView, MessageView, SubscriptionView


class EventsControl(Protocol):
    """A message that does not exist is refused with `UnknownThing`."""

    def subscriptions(self) -> tuple[SubscriptionView, ...]: ...

    def figures(self) -> EventsView: ...

    def boxes(self) -> tuple[BoxView, ...]:
        """All that are configured."""

    async def messages(self, box: str, new: bool | None, limit: int) -> tuple[MessageView, ...]:
        """Newest first; `box` empty: of all boxes; `new` None: heard ones too."""

    async def mark(self, message: str, heard: bool) -> MessageView: ...

    async def delete(self, message: str) -> None:
        """The file goes; the row of the recording stays."""
