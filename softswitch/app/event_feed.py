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
        self._settings = parts.services.config.events
        self.ring = EventRing(self._settings.keep, parts.started)
        self._awake: set[asyncio.Event] = set()
        """One of each follower."""
        self._closed = False
        parts.bus.subscribe(self.ring.add)
        parts.bus.subscribe({CallQueued: sight.learn})
        self._deaf: Callable[[], None] = lambda: None
        """Hears of facts no more; while nobody follows it does not anyway."""

    def _wake(self, fact: Fact) -> None:
        for awake in self._awake:
            awake.set()

    def _watch(self, awake: asyncio.Event) -> None:
        if not self._awake:
            self._deaf = self._parts.bus.subscribe(self._wake)
        self._awake.add(awake)

    def _leave(self, awake: asyncio.Event) -> None:
        self._awake.discard(awake)
        if not self._awake:
            self._deaf()

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
        self._watch(awake)
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
            self._leave(awake)

    @property
    def followers(self) -> int:
        return len(self._awake)

    def close(self) -> None:
        self._closed = True
        for awake in self._awake:
            awake.set()
