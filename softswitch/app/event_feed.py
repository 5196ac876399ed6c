"""The feed of events in the running switch: keeps what happens, and lets those who ask follow."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from softswitch.api.errors import NotPossible
from softswitch.api.feed import EventSearch
from softswitch.app.parts import Parts
from softswitch.app.sight import Sight
from softswitch.facts import CallQueued, Fact
from softswitch.feed.ring import EventRing, Follower
from softswitch.feed.topics import Topics

SIGN_OF_LIFE_S = 5.0


class EventFeed:
    def __init__(self, parts: Parts, sight: Sight) -> None:
        self._parts = parts
        self._sight = sight
        self._settings = parts.services.config.events
        self.ring = EventRing(self._settings.keep, parts.started)
        self._awake: set[asyncio.Event] = set()
        """One of each follower."""
        self._closed = False
        parts.bus.subscribe(self._keep)

    def _keep(self, fact: Fact) -> None:
        self.ring.add(fact)
        if type(fact) is CallQueued:
            self._sight.learn(fact)
        for awake in self._awake:
            awake.set()

    async def follow(
        self, search: EventSearch, sees: Callable[[Fact], bool]
    ) -> AsyncGenerator[dict[str, Any] | None, None]:
        """`sees`: what of it whoever follows may see."""
        if not self._settings.keep:
            raise NotPossible("events are not kept: `[events] keep` is 0", hint="set it and restart")
        if len(self._awake) >= self._parts.services.config.events.followers:
            raise NotPossible("too many follow already", hint="`[events] followers` says how many may")
        patterns = tuple(word.strip() for word in search.topics.split(",") if word.strip())
        follower = Follower(self.ring, Topics(patterns), search.since)
        awake = asyncio.Event()
        self._awake.add(awake)
        node = self._parts.services.config.general.node
        try:
            yield {
                "type": "hello",
                "node": node,
                "oldest": self.ring.oldest,
                "latest": self.ring.next - 1,
            }
            while not self._closed:
                awake.clear()
                while follower.behind:
                    gap, events = follower.read()
                    if gap is not None:
                        yield gap.values()
                    for event in events:
                        if sees(event.fact):
                            yield event.values(node)
                try:
                    async with asyncio.timeout(SIGN_OF_LIFE_S):
                        await awake.wait()
                except TimeoutError:
                    yield None
        finally:
            self._awake.discard(awake)

    @property
    def followers(self) -> int:
        return len(self._awake)

    def close(self) -> None:
        self._closed = True
        for awake in self._awake:
            awake.set()
