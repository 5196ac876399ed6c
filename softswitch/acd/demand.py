"""What a class of callers asks for and who may serve it, as decisions tell it: never changed, but made anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.acd.queues import QueueRecord


class Demand:
    __slots__ = ("agents_mask", "all_suit", "examined", "queue", "required", "strategy")

    def __init__(self, queue: QueueRecord, required: Mapping[str, int], agents_mask: int) -> None:
        self.queue = queue.name
        self.strategy = queue.strategy
        self.examined = queue.examined
        self.required = required
        """Levels of the first alternative."""
        self.agents_mask = agents_mask
        self.all_suit = all(group.bit & agents_mask for _, group in queue.examined)
        """Nobody of those examined is skipped but for what he does."""
