"""Agents who are alike to every caller: same queues and penalties, same skill levels.

Each class keeps its idle agents in one heap for each order that its queues sort by. Entries of agents who are idle no
more stay until they come up or until they are the greater part; the top of a heap is always good.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from softswitch.acd.agents import AgentRecord
from softswitch.ids import QueueName

if TYPE_CHECKING:
    from softswitch.acd.queues import QueueRecord

Entry = tuple[float, float, int, int, AgentRecord]
"""Key of the strategy, then serial and idle token of the agent: entries never compare agents."""

_SMALL = 64


class AgentClass:
    __slots__ = (
        "bit",
        "calls_mask",
        "heaps",
        "idle",
        "levels",
        "logged_in",
        "members",
        "orders",
        "penalties",
        "present",
        "queues",
        "ready",
        "surges",
    )

    def __init__(
        self,
        index: int,
        queues: tuple[QueueRecord, ...],
        members: Mapping[QueueName, int],
        levels: Mapping[str, int],
        surges: frozenset[QueueName],
    ) -> None:
        self.bit = 1 << index
        self.queues = queues
        self.members = members
        """Penalty in each queue that names them."""
        self.surges = surges
        """Queues of whose second group they are."""
        self.penalties = {queue.name: members.get(queue.name, 0) for queue in queues}
        """The queues they may ever serve, with their penalty in each."""
        self.levels = levels
        self.calls_mask = 0
        """Classes of callers they may serve."""
        self.idle = 0
        self.logged_in = 0
        self.ready = 0
        self.present: list[int] = []
        """How many of them count as there, for each set of states that a queue asks for."""
        self.orders = tuple({queue.order: queue for queue in queues}.values())
        """One queue for each order; those of one shared order give the same keys."""
        self.heaps: dict[str, list[Entry]] = {queue.order: [] for queue in self.orders}
        """The first of each is the idle agent whose turn it is."""

    def add_idle(self, agent: AgentRecord) -> None:
        self.idle += 1
        for queue in self.orders:
            heap = self.heaps[queue.order]
            if len(heap) > _SMALL and len(heap) > 2 * self.idle:
                heap[:] = [entry for entry in heap if _valid(entry)]
                heapify(heap)
            first, second = queue.strategy.key(agent, queue)
            heappush(heap, (first, second, agent.serial, agent.token, agent))

    def remove_idle(self, agent: AgentRecord) -> None:
        """To be called once he is idle no more or will be added again."""
        self.idle -= 1
        agent.token += 1
        for heap in self.heaps.values():
            if not self.idle:
                heap.clear()
                continue
            while heap and heap[0][4].token != heap[0][3]:
                heappop(heap)

    def all_idle(self, order: str) -> list[Entry]:
        return [entry for entry in self.heaps[order] if _valid(entry)]

    def some_idle(self, order: str, limit: int) -> list[Entry]:
        """Among the first of the order, cheaply: from the top of the heap, not exactly the best ones."""
        return [entry for entry in self.heaps[order][: 2 * limit] if entry[4].token == entry[3]]

    def __repr__(self) -> str:
        return f"<AgentClass {self.penalties} {dict(self.levels)} idle {self.idle}>"


def _valid(entry: Entry) -> bool:
    return entry[4].token == entry[3]
