"""Faults of variables and expressions, each where it would be computed: what cannot be read, cannot work, is never set."""

from collections.abc import Iterator, Mapping

from softswitch.config.flow import Flow, Node, Set
from softswitch.config.subflows import Call
from softswitch.ivr.expression import ExpressionError, parse
from softswitch.ivr.expression_check import Judged, judge
from softswitch.ivr.fault import Fault, KnownNames, Problem, Severity, suggestion
from softswitch.ivr.given import GIVEN_TYPES
from softswitch.ivr.node_variables import expressions_of, names_read, templates_of
from softswitch.ivr.scope import Scope, Scopes
from softswitch.ivr.template import Template
from softswitch.ivr.value import Type


def check_scope(flows: Mapping[str, Flow], known: KnownNames) -> Iterator[Problem]:
    scopes = Scopes(flows, known)
    everywhere = _set_anywhere(flows, scopes)
    for flow_name, flow in flows.items():
        for node_name, node in flow.node.items():
            scope = scopes.at((flow_name, node_name))
            # What nothing leads to is told once, as that; its expressions are read all the same.
            checker = _NodeCheck(node, everywhere if scope is None else scope, everywhere, known)
            for fault in (*checker.faults(), *_taken(node, scopes, flows)):
                yield Problem(
                    flow=flow_name,
                    node=node_name,
                    key=fault.key,
                    message=fault.message,
                    severity=fault.severity,
                )


def _set_anywhere(flows: Mapping[str, Flow], scopes: Scopes) -> dict[str, Type]:
    found: dict[str, Type] = {}
    for flow_name, flow in flows.items():
        for node_name in flow.node:
            for name in scopes.at((flow_name, node_name)) or {}:
                found[name] = Type.ANY
    return found


def _taken(node: Node, scopes: Scopes, flows: Mapping[str, Flow]) -> Iterator[Fault]:
    """What a call takes must be set where its flow returns; one that never returns is told."""
    if not isinstance(node, Call) or node.flow not in flows:
        return
    returned = scopes.returned(node.flow)
    if returned is None:
        yield Fault(
            "flow", f"flow {node.flow!r} never returns; use `transfer`, or give it a `return`", "warning"
        )
        return
    for name, theirs in node.take.items():
        if theirs not in returned:
            message = f"flow {node.flow!r} never sets {theirs!r}{suggestion(theirs, returned)}"
            yield Fault(f"take.{name}", message)


class _NodeCheck:
    def __init__(self, node: Node, scope: Scope, everywhere: Scope, known: KnownNames) -> None:
        self._node = node
        self._scope = dict(scope)
        self._everywhere = everywhere
        self._known = known

    def faults(self) -> Iterator[Fault]:
        node = self._node
        if isinstance(node, Set):
            self._scope |= dict.fromkeys(node.variables, Type.TEXT)
        for key, text, wanted in expressions_of(node):
            yield from self._expression(key, text, wanted)
            if key.startswith("compute."):
                judged = self._judged(text)
                self._scope[key.removeprefix("compute.")] = judged.type if judged else Type.ANY
        for key, text in templates_of(node):
            yield from self._template(key, text)
        for key, name in names_read(node):
            if name not in self._scope and name not in GIVEN_TYPES:
                yield self._unknown(key, name, "warning")

    def _judged(self, text: str) -> Judged | None:
        try:
            return judge(parse(text), {**GIVEN_TYPES, **self._scope}, self._known)
        except ExpressionError:
            return None

    def _expression(self, key: str, text: str, wanted: Type) -> Iterator[Fault]:
        try:
            judged = judge(parse(text), {**GIVEN_TYPES, **self._scope}, self._known)
        except ExpressionError as error:
            yield Fault(key, f"the expression {_short(text)} cannot be read: {error}")
            return
        yield from self._told(key, judged, "error")
        if wanted is not Type.ANY and judged.type not in (wanted, Type.ANY):
            yield Fault(key, f"{_short(text)} is a {judged.type}; expected a {wanted}")

    def _template(self, key: str, text: str) -> Iterator[Fault]:
        try:
            expressions = Template.parse(text).expressions
        except ExpressionError as error:
            yield Fault(key, f"{_short(text)} cannot be read: {error}")
            return
        for expression in expressions:
            # In a text, what is not set is left out: that may be meant.
            judged = judge(expression, {**GIVEN_TYPES, **self._scope}, self._known)
            yield from self._told(key, judged, "warning")

    def _told(self, key: str, judged: Judged, unknown: Severity) -> Iterator[Fault]:
        for message in judged.wrong:
            yield Fault(key, message)
        for name in dict.fromkeys(judged.unknown):
            yield self._unknown(key, name, unknown if name not in self._everywhere else "warning")

    def _unknown(self, key: str, name: str, severity: Severity) -> Fault:
        known = self._scope.keys() | GIVEN_TYPES.keys()
        where = "no way here sets" if name in self._everywhere else "no node sets"
        message = f"{where} the variable {name!r}{suggestion(name, known)}"
        return Fault(key, message, severity)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "…")
