"""A feed that only exists for the control API."""

from collections.abc import AsyncGenerator
from typing import Any

from softswitch.api.feed import EventSearch, FeedView, WebhookView
from softswitch.call.permissions import Actor


class FakeFeed:
    """Implements `FeedControl`."""

    async def follow(
        self, search: EventSearch, actor: Actor | None
    ) -> AsyncGenerator[dict[str, Any] | None, None]:
        yield {"type": "hello", "node": "sw1", "oldest": 1, "latest": 2}
        for number in range(1, 3):
            if search.since is None or number > search.since:
                yield {"seq": number, "type": "queue.joined", "time": 1_780_000_000.0, "queue": "sales"}

    def figures(self) -> FeedView:
        hook = WebhookView(
            webhook="crm", url="https://crm/hook", waiting=2, failing=True, taken=7, retried=3, lost=1
        )
        return FeedView(
            oldest=1, latest=2, followers=1, manager_clients=0, manager_dropped=0, webhooks=(hook,)
        )

    def close(self) -> None:
        pass
