"""Which trunks a call out is tried at, in which order, and which failures lead on to the next. Pure.

Groups and prices are resolved here to single trunks, each with the number as that trunk wants it written; whether a trunk
can take a call at this moment is asked when its turn comes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from softswitch.call.numbering import rules_for, to_e164, written
from softswitch.call.prices import PriceTable
from softswitch.config.schema import Config
from softswitch.config.target import Target
from softswitch.config.trunks import GroupMember, Numbers, TrunkGroup
from softswitch.sip.targets import weighted_order

Draw = Callable[[int], int]
MAX_ATTEMPTS = 10
UNREACHABLE_STATUS = frozenset({408, 480, 503})
"""Local findings that a trunk did not answer or cannot be reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    trunk: str
    number: str
    """As it is written to this trunk, before its `rewrite_out`."""
    why: str
    """In plain words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkPlan:
    candidates: tuple[Candidate, ...]
    e164: str
    """The number that is called, in E.164 where it could be understood."""
    attempts: int = 1
    failover_on: tuple[str, ...] = ()

    def leads_on(self, status: int, *, local: bool) -> bool:
        """Whether the next trunk is tried after this failure."""
        if local and status in UNREACHABLE_STATUS:
            return True
        return str(status) in self.failover_on or f"{status // 100}xx" in self.failover_on


@dataclass(frozen=True, slots=True)
class Called:
    """A number, as it was dialled and in E.164 where it could be understood."""

    dialled: str
    e164: str


@dataclass(frozen=True, slots=True)
class Planner:
    """What a plan is made of."""

    config: Config
    prices: Mapping[str, PriceTable]
    is_open: Mapping[str, bool]
    draw: Draw
    turn: Callable[[str], int]
    """How often a group has been used before, for `round-robin`."""

    def plan(self, target: Target, dialled: str, numbers: Numbers) -> TrunkPlan:
        """`numbers`: how the caller writes numbers."""
        called = Called(dialled, to_e164(dialled, numbers))
        if target.kind == "lcr":
            return self._by_price(target.name, called)
        group = self.config.trunk_group.get(target.name)
        if group is None:
            return TrunkPlan(
                candidates=self._known((target.name,), called, "named by the route"), e164=called.e164
            )
        return TrunkPlan(
            candidates=self._members(target.name, group, called, ""),
            e164=called.e164,
            attempts=min(group.attempts, MAX_ATTEMPTS),
            failover_on=group.failover_on,
        )

    def _by_price(self, name: str, called: Called) -> TrunkPlan:
        table = self.prices[name]
        found: dict[str, Candidate] = {}
        for rate in table.find(called.e164.removeprefix("+"), self.is_open):
            why = f"prefix {rate.prefix or 'any'}, cost {rate.cost:g}"
            group = self.config.trunk_group.get(rate.trunk)
            if group is not None:
                candidates = self._members(rate.trunk, group, called, f"{why}, ")
            else:
                candidates = self._known((rate.trunk,), called, why)
            for candidate in candidates:
                found.setdefault(candidate.trunk, candidate)
            if len(found) >= MAX_ATTEMPTS:
                break
        return TrunkPlan(
            candidates=tuple(found.values()),
            e164=called.e164,
            attempts=min(table.lcr.attempts, MAX_ATTEMPTS),
            failover_on=table.lcr.failover_on,
        )

    def _members(self, name: str, group: TrunkGroup, called: Called, before: str) -> tuple[Candidate, ...]:
        found: list[Candidate] = []
        for member in self._ordered(name, group):
            why = f"{before}group {name}, {_place(group, member)}"
            found += self._known((member.trunk,), called, why)
        return tuple(found)

    def _ordered(self, name: str, group: TrunkGroup) -> list[GroupMember]:
        members = list(group.members)
        if group.strategy == "round-robin":
            first = self.turn(name) % len(members) if members else 0
            return members[first:] + members[:first]
        if group.strategy == "weighted":
            return self._drawn(members)
        by_priority = sorted({member.priority for member in members})
        return [
            member
            for priority in by_priority
            for member in self._drawn([each for each in members if each.priority == priority])
        ]

    def _drawn(self, members: list[GroupMember]) -> list[GroupMember]:
        if len(members) < 2:
            return members
        return [members[index] for index in weighted_order([each.weight for each in members], self.draw)]

    def _known(self, names: tuple[str, ...], called: Called, why: str) -> tuple[Candidate, ...]:
        """Without trunks that a reload has taken away."""
        found = []
        for name in names:
            trunk = self.config.trunk.get(name)
            if trunk is not None:
                rules = rules_for(self.config, "trunk", name)
                as_is = trunk.number_format == "as-is"
                number = called.dialled if as_is else written(called.e164, trunk.number_format, rules)
                found.append(Candidate(trunk=name, number=number, why=why))
        return tuple(found)


def _place(group: TrunkGroup, member: GroupMember) -> str:
    if group.strategy == "round-robin":
        return "in turn"
    if group.strategy == "weighted":
        return f"weight {member.weight}"
    return f"priority {member.priority}, weight {member.weight}"
