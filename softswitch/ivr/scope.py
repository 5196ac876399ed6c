"""Which variables may be set where, and of what type: followed along all ways through all flows until nothing changes.

A variable counts as set at a node when some way there sets it. Sub-flows begin with what they are given and give back
what is taken; `transfer` takes everything along.
"""

from collections import deque
from collections.abc import Iterator, Mapping

from softswitch.config.flow import Collect, Flow, Menu, Node, Set, Transfer
from softswitch.config.lookups import LookUp
from softswitch.config.subflows import Call, Return
from softswitch.config.target import Target
from softswitch.ivr.edges import edges
from softswitch.ivr.expression import ExpressionError, parse
from softswitch.ivr.expression_check import joined, judge
from softswitch.ivr.fault import KnownNames
from softswitch.ivr.given import GIVEN_TYPES
from softswitch.ivr.kinds import KINDS
from softswitch.ivr.lookup import Result
from softswitch.ivr.value import Type

Place = tuple[str, str]
"""A flow and a node."""
Scope = Mapping[str, Type]
MAX_ROUNDS = 200_000


class Scopes:
    def __init__(self, flows: Mapping[str, Flow], known: KnownNames) -> None:
        self._flows = flows
        self._known = known
        self._at: dict[Place, dict[str, Type]] = {}
        self._returned: dict[str, dict[str, Type]] = {}
        self._callers: dict[str, set[Place]] = {}
        self._waiting: deque[Place] = deque()
        self._follow()

    def at(self, place: Place) -> Scope | None:
        """None: no way leads there."""
        return self._at.get(place)

    def returned(self, flow: str) -> Scope | None:
        """What is set where the flow returns; None: it never does."""
        return self._returned.get(flow)

    def _follow(self) -> None:
        for name, flow in self._flows.items():
            for node_name, node in flow.node.items():
                if isinstance(node, Call):
                    self._callers.setdefault(node.flow, set()).add((name, node_name))
            self._reach((name, flow.start), {})
        for _ in range(MAX_ROUNDS):
            if not self._waiting:
                return
            self._pass(self._waiting.popleft())

    def _reach(self, place: Place, scope: Scope) -> None:
        flow, node = place
        if flow not in self._flows or node not in self._flows[flow].node:
            return
        if place not in self._at:
            self._at[place] = dict(scope)
        elif not _join(self._at[place], scope):
            return
        self._waiting.append(place)

    def _pass(self, place: Place) -> None:
        flow, name = place
        node, before = self._flows[flow].node[name], self._at[place]
        if isinstance(node, Return):
            self._give_back(flow, before)
            return
        if isinstance(node, Transfer):
            self._hand_on(node, before)
        if isinstance(node, Call):
            given = {key: self._type(text, before) for key, text in node.give.items()}
            if node.flow in self._flows:
                self._reach((node.flow, self._flows[node.flow].start), given)
            if node.flow not in self._returned:
                return
        after = {**before, **dict(self._sets(node, before))}
        for edge in edges(node):
            self._reach((flow, edge.node), after)

    def _give_back(self, flow: str, scope: Scope) -> None:
        if flow not in self._returned:
            self._returned[flow] = dict(scope)
        elif not _join(self._returned[flow], scope):
            return
        self._waiting.extend(place for place in self._callers.get(flow, ()) if place in self._at)

    def _hand_on(self, node: Transfer, scope: Scope) -> None:
        try:
            target = Target.parse(node.target)
        except ValueError:
            return
        if target.kind == "flow" and target.name in self._flows:
            self._reach((target.name, self._flows[target.name].start), scope)

    def _sets(self, node: Node, scope: Scope) -> Iterator[tuple[str, Type]]:
        match node:
            case Set():
                yield from dict.fromkeys(node.variables, Type.TEXT).items()
                seen = {**scope, **dict.fromkeys(node.variables, Type.TEXT)}
                for name, text in node.compute.items():
                    seen[name] = self._type(text, seen)
                    yield name, seen[name]
            case Menu() | Collect() if node.variable:
                yield node.variable, Type.TEXT
            case Call():
                returned = self._returned.get(node.flow, {})
                for name, theirs in node.take.items():
                    if theirs in returned:
                        yield name, returned[theirs]
            case LookUp():
                yield from self._found(node)
            case _ if type(node) in KINDS:
                yield from KINDS[type(node)].sets(node).items()

    def _found(self, node: LookUp) -> Iterator[tuple[str, Type]]:
        lookup = self._known.lookups.get(node.lookup)
        for name, text in (lookup.results if lookup is not None else {}).items():
            try:
                yield name, Result.parse(text).type
            except ValueError:
                yield name, Type.ANY

    def _type(self, text: str, scope: Scope) -> Type:
        try:
            return judge(parse(text), {**GIVEN_TYPES, **scope}, self._known).type
        except ExpressionError:
            return Type.ANY


def _join(into: dict[str, Type], more: Scope) -> bool:
    """Whether that changed anything."""
    changed = False
    for name, kind in more.items():
        both = joined(into[name], kind) if name in into else kind
        if into.get(name) is not both:
            into[name] = both
            changed = True
    return changed
