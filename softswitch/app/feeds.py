"""Everything that tells others what happens: the feed of events, webhooks, the manager interface, the server over TCP.

Implements `api.feed.FeedControl`. Whoever switches all of it off pays for a ring of the latest events, or for nothing.
"""

import hmac
from collections.abc import AsyncGenerator, Callable
from typing import Any

from softswitch.api.errors import NotAllowed, NotProven
from softswitch.api.feed import EventSearch, FeedView
from softswitch.api.metrics import Metrics
from softswitch.api.public import PublicServer
from softswitch.app.event_feed import EventFeed
from softswitch.app.manager_feed import ManagerFeed
from softswitch.app.parts import Parts
from softswitch.app.sight import Sight
from softswitch.app.webhooks import Webhooks
from softswitch.call.permissions import ANYTHING, SWITCH, Actor
from softswitch.config.acts import Act
from softswitch.config.feeds import listen_on
from softswitch.config.rights import Person

OPEN = frozenset({"/health", "/ready"})
"""Told to all who have shown anything that is known."""


class Feeds:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._sight = sight = Sight(parts.gate)
        self._events = EventFeed(parts, sight)
        self.webhooks = Webhooks(parts, self._events.ring, sight)
        self.manager = ManagerFeed(parts, sight=sight)
        self.public: PublicServer | None = None

    async def start(self, metrics: Metrics, ready: Callable[[], bool]) -> None:
        """Opens what the configuration wants. Raises `UnusableError`."""
        await self.webhooks.start()
        await self.manager.start()
        listen = self._parts.services.config.events.listen
        if listen:
            self.public = PublicServer(self, metrics, ready=ready, admit=self.admit)
            await self.public.start(*listen_on(listen))

    async def stop(self) -> None:
        if self.public is not None:
            await self.public.stop()
        await self.manager.stop()
        await self.webhooks.stop()

    def _secret(self) -> str:
        secret = self._parts.services.secrets.get(("events", ""))
        return (secret.password or "") if secret is not None else ""

    def admit(self, shown: str, address: str, path: str) -> Actor | None:
        """Who shows this over TCP; None: the secret of `[events]`, where it stands for nobody. Raises `NotProven` and
        `NotAllowed`."""
        secret, gate = self._secret(), self._parts.gate
        if secret and hmac.compare_digest(shown.encode("utf-8", "replace"), secret.encode()):
            name = self._parts.services.config.events.person
            actor = gate.permissions.person(name, surface="feed", origin=address)
            if actor is None and not name:
                return None
        else:
            actor = gate.permissions.by_token(shown, surface="http", origin=address) if shown else None
        if actor is None:
            unknown = Actor(name="unknown", person=Person(role=""), surface="http", origin=address)
            gate.missing(unknown, Act.FEED_READ, ANYTHING)
            raise NotProven(
                "the secret of `[events]`, or a token, is needed", hint="Authorization: Bearer SECRET"
            )
        act, about = (Act.FEED_READ, ANYTHING) if path == "/v1/events" else (Act.SWITCH_READ, SWITCH)
        missing = "" if path in OPEN else gate.missing(actor, act, about)
        if missing:
            raise NotAllowed(f"{actor.name} may not: missing right {missing}")
        return actor

    def follow(self, search: EventSearch, actor: Actor | None) -> AsyncGenerator[dict[str, Any] | None, None]:
        sees = self._sight.of(actor)
        if actor is not None and actor.surface != "feed":
            return self._events.follow(search, sees)
        secret = self._secret()  # by which he came
        return self._events.follow(search, lambda fact: self._secret() == secret and sees(fact))

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
