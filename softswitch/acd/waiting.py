"""All callers who wait, in classes of those who need the same: one queue, one set of skill levels, steps passed.

Each class keeps its callers not being offered in a heap by rank. Entries of callers who are waiting no more stay until
they come up or until they are the greater part; the top of a heap is always good. Classes that got such a caller since
the last match are `fresh`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from heapq import heapify, heappop, heappush

from softswitch.acd.callers import Caller, Rank
from softswitch.acd.demand import Demand
from softswitch.acd.errors import NotKnown
from softswitch.acd.needs import needs
from softswitch.acd.queues import QueueRecord
from softswitch.acd.roster import Roster, Tier
from softswitch.acd.skills import combined
from softswitch.acd.split import Split
from softswitch.acd.values import Decision, WaitingCall
from softswitch.ids import CallId

_SMALL = 64
_EMPTY_KEPT = 256
"""Classes without callers that are kept for the next one who needs the same; callers could make any number of them."""

Entry = tuple[Rank, int, Caller]
"""Rank, token of the caller: with another token than he has now it is dead."""


class CallClass:
    __slots__ = (
        "bit",
        "callers",
        "demand",
        "heap",
        "key",
        "open",
        "own",
        "preferred",
        "queue",
        "step",
        "tiers",
        "waiting",
    )

    def __init__(
        self, key: tuple[object, ...], index: int, queue: QueueRecord, given: WaitingCall | None, step: int
    ) -> None:
        self.key = key
        self.bit = 1 << index
        self.queue = queue
        self.own = {} if given is None else given.skills
        """Skills that these callers brought along."""
        self.step = step
        self.preferred = combined(queue.config.preferred_skills, {} if given is None else given.preferred)
        self.demand = Demand(queue, {}, 0)
        self.tiers: tuple[Tier, ...] = ()
        self.heap: list[Entry] = []
        """Its top is whose turn it is; empty if nobody waits."""
        self.callers = 0
        self.waiting = 0
        """Of these, not being offered."""
        self.open: dict[CallId, Caller] = {}
        """Callers of a ring-all queue whom more agents may join in ringing for."""

    def __repr__(self) -> str:
        return f"<CallClass {self.queue.name} {dict(self.demand.required)} waiting {self.waiting}>"


class WaitingRoom:
    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self.callers: dict[CallId, Caller] = {}
        self._classes: dict[tuple[object, ...], CallClass] = {}
        self._by_index: list[CallClass] = []
        self.classes_of = Split(self._by_index)
        """The classes of a mask."""
        self._free: list[int] = []
        self._empty: dict[tuple[object, ...], None] = {}
        self.waiting_mask = 0
        self.open_mask = 0
        self.fresh_mask = 0
        self.growing_mask = 0
        """Classes with a caller for whom one more may ring by now."""
        self.fresh_bound: list[Caller] = []
        """Callers just bound to agents."""
        self.awaited: set[CallId] = set()
        """Callers from before a restart who have not joined again: nobody is matched before they have."""
        self._serial = 0

    def nobody_more(self, now: float, out: list[Decision]) -> None:
        """Who has not joined by now will not."""
        self.awaited.clear()

    def get(self, call: CallId) -> Caller:
        try:
            return self.callers[call]
        except KeyError:
            raise NotKnown(f"no call {call} waits in a queue") from None

    def open_callers(self) -> Iterator[Caller]:
        """Callers being rung for whom more agents may ring."""
        for group in self.classes_of[self.open_mask]:
            yield from group.open.values()

    def classes(self) -> Iterator[CallClass]:
        return iter(self._classes.values())

    # --- callers ------------------------------------------------------------------------------------------------------

    def add(self, given: WaitingCall, queue: QueueRecord) -> Caller:
        self._serial += 1
        caller = Caller(given, queue, self._serial)
        self.callers[caller.call] = caller
        queue.line.add(caller)
        queue.virtual += caller.virtual
        self._join(caller, caller.step)
        self.reopen(caller)
        if queue.config.surge is not None or queue.surging:
            self._surge(queue)
        return caller

    def _join(self, caller: Caller, step: int) -> None:
        """He belongs to the class of those who have passed so many steps."""
        caller.step = step
        group = caller.group = self.group_for(caller.queue, caller.given, step)
        if not group.callers:
            self._empty.pop(group.key, None)
        group.callers += 1

    def remove(self, caller: Caller) -> int:
        """Take him out altogether; the position that he had. His offers must have been closed or be about to."""
        self._leave(caller)
        queue = caller.queue
        position = queue.line.remove(caller)
        queue.virtual -= caller.virtual
        caller.bound = False
        del self.callers[caller.call]
        if queue.config.surge is not None or queue.surging:
            self._surge(queue)
        return position

    def _leave(self, caller: Caller) -> None:
        group = caller.group
        if caller.waiting:
            self.unmatch(caller)
        if group.open:
            self.close_to_more(caller)
        group.callers -= 1
        if not group.callers:
            self._keep_empty(group)

    def bind(self, caller: Caller) -> None:
        """Only certain agents may be rung for him."""
        self.unmatch(caller)
        caller.bound = True
        self.fresh_bound.append(caller)

    def unbind(self, caller: Caller) -> None:
        if caller.bound:
            caller.bound = False
            if not caller.offers:
                self.reopen(caller)

    def hold(self, caller: Caller) -> None:
        """He keeps his place and is not matched; nobody may ring for him."""
        self.unmatch(caller)
        caller.held = True

    def release(self, caller: Caller) -> None:
        """His turn may come again."""
        if caller.held:
            caller.held = False
            self.reopen(caller)

    def embody(self, caller: Caller) -> None:
        """He is on the line from now on."""
        caller.queue.virtual -= caller.virtual
        caller.virtual = False
        caller.given = replace(caller.given, virtual=False)

    def regroup(self, caller: Caller, step: int) -> None:
        """He has passed a step and needs less than before."""
        waiting, opened = caller.waiting, caller.call in caller.group.open
        self._leave(caller)
        self._join(caller, step)
        if waiting:
            self.reopen(caller)
        elif opened:
            self.open_to_more(caller)
            self.growing_mask |= caller.group.bit

    def reopen(self, caller: Caller) -> None:
        """All his offers have failed or he is new: he may be matched, at the place that his rank gives him."""
        group = caller.group
        if group.open:
            self.close_to_more(caller)
        if caller.held:
            return
        if len(group.heap) > _SMALL and len(group.heap) > 2 * group.waiting:
            group.heap = [entry for entry in group.heap if entry[2].token == entry[1]]
            heapify(group.heap)
        heappush(group.heap, (caller.rank, caller.token, caller))
        caller.waiting = True
        if not group.waiting:
            self.waiting_mask |= group.bit
        group.waiting += 1
        self.fresh_mask |= group.bit

    def open_to_more(self, caller: Caller) -> None:
        caller.group.open[caller.call] = caller
        self.open_mask |= caller.group.bit

    def close_to_more(self, caller: Caller) -> None:
        group = caller.group
        if group.open.pop(caller.call, None) is not None and not group.open:
            self.open_mask &= ~group.bit

    def rerank(self, caller: Caller, priority: int) -> None:
        caller.queue.line.remove(caller)
        caller.priority = priority
        caller.rank = caller.ranked()
        caller.queue.line.add(caller)
        if caller.waiting:
            self.unmatch(caller)
            self.reopen(caller)

    def unmatch(self, caller: Caller) -> None:
        """He stands in line but is nobody's next."""
        if not caller.waiting:
            return
        group = caller.group
        caller.waiting = False
        caller.token += 1
        group.waiting -= 1
        heap = group.heap
        if not group.waiting:
            self.waiting_mask &= ~group.bit
            heap.clear()
            return
        while heap and heap[0][2].token != heap[0][1]:
            heappop(heap)

    # --- classes ------------------------------------------------------------------------------------------------------

    def group_for(self, queue: QueueRecord, given: WaitingCall | None, step: int = 0) -> CallClass:
        """The class of callers of this queue who need what this one does; made if there is none yet."""
        key: tuple[object, ...] = (queue.name, step)
        if given is not None and (given.skills or given.preferred):
            key = (*key, tuple(sorted(given.skills.items())), tuple(sorted(given.preferred.items())))
        group = self._classes.get(key)
        if group is None:
            index = self._free.pop() if self._free else len(self._by_index)
            group = CallClass(key, index, queue, given, step)
            self._equip(group)
            self._by_index[index : index + 1] = [group]
            self.classes_of.clear()
            self._classes[key] = group
            self._keep_empty(group)
        return group

    def _equip(self, group: CallClass) -> None:
        """Find out who may serve these callers."""
        alternatives = needs(group.queue.config, group.own, group.step, group.queue.surging)
        agents_mask, group.tiers = self._roster.serving(group.queue, alternatives, group.preferred)
        group.demand = Demand(group.queue, alternatives[0].required, agents_mask)
        for agents in self._roster.classes_of[agents_mask]:
            agents.calls_mask |= group.bit

    def _surge(self, queue: QueueRecord) -> None:
        """Call the second group in when the line has become long, and let it go when it is short again."""
        surge = queue.config.surge
        waiting = len(queue.line)
        surging = surge is not None and (waiting > surge.until if queue.surging else waiting >= surge.waiting)
        if surging is queue.surging:
            return
        queue.surging = surging
        for group in self._classes.values():
            if group.queue is queue:
                for agents in self._roster.classes_of[group.demand.agents_mask]:
                    agents.calls_mask &= ~group.bit
                self._equip(group)
                self.fresh_mask |= group.bit
                self.growing_mask |= group.bit & self.open_mask

    def _keep_empty(self, group: CallClass) -> None:
        self._empty[group.key] = None
        if len(self._empty) > _EMPTY_KEPT:
            self._forget(next(iter(self._empty)))

    def _forget(self, key: tuple[object, ...]) -> None:
        group = self._classes.pop(key)
        del self._empty[key]
        for agents in self._roster.classes_of[group.demand.agents_mask]:
            agents.calls_mask &= ~group.bit
        self._free.append(group.bit.bit_length() - 1)
        self.fresh_mask &= ~group.bit

    def rebuild(self) -> None:
        """Sort all callers into classes anew, after a change of the configuration. They keep their ranks' parts."""
        self._by_index.clear()
        self.classes_of.clear()
        self._classes, self._free, self._empty = {}, [], {}
        self.waiting_mask = self.open_mask = self.fresh_mask = self.growing_mask = 0
        for queue in {caller.queue.name: caller.queue for caller in self.callers.values()}.values():
            self._surge(queue)
        for caller in self.callers.values():
            caller.queue.line.remove(caller)
            caller.rank = caller.ranked()
            caller.queue.line.add(caller)
            caller.token += 1
            self._join(caller, min(caller.step, len(caller.queue.config.steps)))
            if caller.waiting:
                self.reopen(caller)
            elif caller.offers and caller.queue.strategy.everyone and not caller.last_chance:
                self.open_to_more(caller)
