"""The one small synchronous bus on which facts go up. Nothing that a call needs may depend on a subscriber."""

from collections.abc import Callable

import structlog

from softswitch.facts import Fact

Subscriber = Callable[[Fact], None]

_log = structlog.get_logger(__name__)


class Bus:
    """Publishes each fact to every subscriber in order of subscription; a subscriber that raises is only logged."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with each fact from now on; returns the function that ends it."""
        self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return unsubscribe

    def publish(self, fact: Fact) -> None:
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(fact)
            except Exception:
                _log.exception("a subscriber of facts failed", fact=type(fact).__name__)
