"""Everything that tells others what happens: the feed of events, webhooks, the manager interface, the server over TCP.

Implements `api.feed.FeedControl`. Whoever switches all of it off pays for a ring of the latest events, or for nothing.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Any

from softswitch.api.feed import EventSearch, FeedView
from softswitch.api.metrics import Metrics
from softswitch.api.public import PublicServer
from softswitch.app.event_feed import EventFeed
from softswitch.app.manager_feed import ManagerFeed
from softswitch.app.parts import Parts
from softswitch.app.webhooks import Webhooks
from softswitch.config.feeds import listen_on


class Feeds:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._events = EventFeed(parts)
        self.webhooks = Webhooks(parts, self._events.ring)
        self.manager = ManagerFeed(parts)
        self.public: PublicServer | None = None

    async def start(self, metrics: Metrics, ready: Callable[[], bool]) -> None:
        """Opens what the configuration wants. Raises `UnusableError`."""
        await self.webhooks.start()
        await self.manager.start()
        listen = self._parts.services.config.events.listen
        if listen:
            self.public = PublicServer(self, metrics, ready=ready, secret=self._secret)
            await self.public.start(*listen_on(listen))

    async def stop(self) -> None:
        if self.public is not None:
            await self.public.stop()
        await self.manager.stop()
        await self.webhooks.stop()

    def _secret(self) -> str:
        secret = self._parts.services.secrets.get(("events", ""))
        return (secret.password or "") if secret is not None else ""

    def follow(self, search: EventSearch) -> AsyncGenerator[dict[str, Any] | None, None]:
        return self._events.follow(search)

    def close(self) -> None:
        self._events.close()

    def figures(self) -> FeedView:
        ring = self._events.ring
        return FeedView(
            oldest=ring.oldest,
            latest=ring.next - 1,
            followers=self._events.followers,
            manager_clients=self.manager.clients,
            manager_dropped=self.manager.dropped,
            webhooks=self.webhooks.views(),
        )
