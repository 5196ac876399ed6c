"""Carries out what the control API asks of subscriptions and messages; implements `EventsControl`."""

import asyncio
from collections import Counter
from dataclasses import replace

from softswitch.api.errors import UnknownThing
from softswitch.api.events_views import BoxView, EventsView, MessageView, SubscriptionView
from softswitch.app.parts import Parts
from softswitch.errors import StorageError
from softswitch.sip.subscription import Subscription
from softswitch.store.rows import RecordingRow


class EventsOrders:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # --- subscriptions ------------------------------------------------------------------------------------------------

    def subscriptions(self) -> tuple[SubscriptionView, ...]:
        now = self._parts.clock.monotonic()
        return tuple(_view(each, now) for each in self._parts.sip.notifier.all())

    def figures(self) -> EventsView:
        notifier = self._parts.sip.notifier
        stats, now = notifier.stats, notifier.all()
        packages = Counter(each.subscriber.resource.package for each in now)
        return EventsView(
            subscriptions=dict(packages),
            accepted=stats.accepted,
            refreshed=stats.refreshed,
            changes=stats.changes,
            notifies=stats.notified + sum(each.notified for each in now),
            refused={str(status): count for status, count in sorted(stats.refused.items())},
            ended=dict(stats.ended),
        )

    # --- messages -------------------------------------------------------------------------------------------------------

    def boxes(self) -> tuple[BoxView, ...]:
        counts = {box: self._parts.boxes.count(box) for box in self._parts.services.config.message}
        return tuple(BoxView(box=box, new=new, old=old) for box, (new, old) in counts.items())

    async def messages(self, box: str, new: bool | None, limit: int) -> tuple[MessageView, ...]:
        parts = self._parts
        if box and box not in parts.services.config.message:
            raise UnknownThing(
                f"no message box is called {box!r}", hint="`softswitch message boxes` lists them"
            )
        found = await parts.store.messages.listed(box=box, new=new, limit=limit)
        return tuple(self.message_view(row, heard) for row, heard in found)

    async def mark(self, message: str, heard: bool) -> MessageView:
        row, _ = await self._find(message)
        at = self._parts.clock.wall() if heard else None
        self._parts.store.messages.mark(row.recording, at)
        self._parts.boxes.changed()
        return self.message_view(row, at)

    async def delete(self, message: str) -> None:
        parts = self._parts
        row, _ = await self._find(message)
        await asyncio.to_thread(parts.services.files.delete, row.path)
        parts.store.recording(replace(row, state="deleted", deleted_at=parts.clock.wall()))
        parts.boxes.changed()

    async def _find(self, message: str) -> tuple[RecordingRow, float | None]:
        found = await self._parts.store.messages.find(message)
        if found is None:
            raise UnknownThing(
                f"no message is called {message!r}", hint="`softswitch message list` lists them"
            )
        return found

    def message_view(self, row: RecordingRow, heard: float | None) -> MessageView:
        return MessageView(
            message=row.recording,
            box=row.box,
            began=row.began,
            seconds=row.seconds,
            ani=row.ani,
            dnis=row.dnis,
            call=row.call,
            file=self._file(row),
            heard=heard,
        )

    def _file(self, row: RecordingRow) -> str:
        """Empty: it does not lie where recordings do, which must not hide the others."""
        try:
            return str(self._parts.services.files.path(row.path))
        except StorageError:
            return ""


def _view(subscription: Subscription, now: float) -> SubscriptionView:
    subscriber = subscription.subscriber
    return SubscriptionView(
        subscriber=f"{subscriber.identity.kind}:{subscriber.identity.name}",
        package=subscriber.resource.package,
        resource=subscriber.resource.name,
        address=f"sip:{subscriber.user}@{subscriber.host}",
        parties=subscriber.detailed,
        source=str(subscription.flow),
        state=subscription.state.value,
        expires_s=max(0.0, subscription.expires - now),
        version=subscription.version,
        sip_call_id=subscription.call_id,
    )
