"""The one small synchronous bus on which facts go up. Nothing that a call needs may depend on a subscriber."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from softswitch.facts import Fact

Subscriber = Callable[[Fact], None]
Handlers = Mapping[type[Fact], Callable[[Any], None]]
"""What to call for which kinds of facts."""

_log = structlog.get_logger(__name__)


class Bus:
    """Publishes each fact to its subscribers in order of subscription; a subscriber that raises is only logged."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber | Handlers] = []
        self._wanted: dict[type[Fact], tuple[Subscriber, ...]] = {}
        """Whom to call for each kind that has been published: a call has twenty facts, most of which few want."""

    def subscribe(self, subscriber: Subscriber | Handlers) -> Callable[[], None]:
        """Call `subscriber` with each fact from now on, or the handler of its kind; returns the function that ends it."""
        self._subscribers.append(subscriber)
        self._wanted = {}

        def unsubscribe() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)
                self._wanted = {}

        return unsubscribe

    def publish(self, fact: Fact) -> None:
        kind = type(fact)
        try:
            wanted = self._wanted[kind]
        except KeyError:
            wanted = self._wanted[kind] = self._subscribers_of(kind)
        for subscriber in wanted:
            try:
                subscriber(fact)
            except Exception:
                _log.exception("a subscriber of facts failed", fact=kind.__name__)

    def _subscribers_of(self, kind: type[Fact]) -> tuple[Subscriber, ...]:
        found: list[Subscriber] = []
        for each in self._subscribers:
            if not isinstance(each, Mapping):
                found.append(each)
            elif kind in each:
                found.append(each[kind])
        return tuple(found)
