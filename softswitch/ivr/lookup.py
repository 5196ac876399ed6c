"""The node that asks a lookup, and how a lookup's results are read from what came back. The asking itself is a shell's:
`http_lookup.py`, `sql_lookup.py`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from softswitch.config.lookups import LookUp, Lookup
from softswitch.ivr import actions
from softswitch.ivr.actions import FlowContext, FlowState, Input, Key, LookedUp
from softswitch.ivr.edge import Edge
from softswitch.ivr.fault import Fault, KnownNames, suggestion
from softswitch.ivr.kind import Kind
from softswitch.ivr.outcome import WAIT_RESULT, Outcome, go
from softswitch.ivr.value import Type, Value, converted, text_of
from softswitch.ivr.values import computed, reads_masked

MAX_PATH = 16
MAX_TYPED_AHEAD = 32
_RESULT = re.compile(r"\s*(?P<path>[^\s.]+(?:\.[^\s.]+)*)(?:\s+as\s+(?P<type>text|number|yes-no))?\s*")
_IN_URL = re.compile(r"\{([a-z][a-z0-9_]{0,31})\}")
_IN_SQL = re.compile(r"(?<![:\w]):([a-z][a-z0-9_]{0,31})\b")
_SQL_TEXT = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Result:
    """Where one variable stands in an answer."""

    path: tuple[str, ...]
    type: Type

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> "Result":
        """Raises ValueError that says what was expected."""
        match = _RESULT.fullmatch(text)
        if match is None or match["path"].count(".") >= MAX_PATH:
            raise ValueError(
                f"{text!r} is no result; expected customer.name, or customer.balance as number, text or yes-no"
            )
        return cls(tuple(match["path"].split(".")), Type(match["type"] or "text"))

    def of(self, answer: object) -> Value | None:
        """None: it is not there, or is no single value of that type."""
        for step in self.path:
            if isinstance(answer, Mapping):
                answer = answer.get(step)
            elif isinstance(answer, list) and step.isascii() and step.isdecimal() and len(step) < 6:
                answer = answer[int(step)] if int(step) < len(answer) else None
            else:
                return None
        return converted(answer, self.type)


def values_of(lookup: Lookup, answer: object) -> dict[str, Value]:
    """Variables of what is there."""
    found = {name: Result.parse(text).of(answer) for name, text in lookup.results.items()}
    return {name: value for name, value in found.items() if value is not None}


def parameters_of(url: str, sql: str) -> frozenset[str]:
    """Names that a lookup must be given."""
    return frozenset(_IN_URL.findall(url) if url else _IN_SQL.findall(_SQL_TEXT.sub(" ", sql)))


def url_of(lookup: Lookup, escaped: Mapping[str, str]) -> str:
    """The address with its parameters, which are escaped already."""
    return _IN_URL.sub(lambda match: escaped.get(match[1], ""), lookup.url)


def _enter(node: LookUp, state: FlowState, context: FlowContext) -> Outcome:
    parameters = {name: text_of(computed(text, state, context)) for name, text in node.give.items()}
    for name in context.lookups.get(node.lookup, frozenset()) - parameters.keys():
        parameters[name] = text_of(computed(name, state, context))
    asked = actions.LookUp(lookup=node.lookup, parameters=parameters)
    return Outcome(replace(state, waiting=WAIT_RESULT), (asked,))


def _hear(node: LookUp, state: FlowState, input: Input, context: FlowContext) -> Outcome:
    if isinstance(input, Key):
        return Outcome(replace(state, typed_ahead=(state.typed_ahead + input.digit)[:MAX_TYPED_AHEAD]))
    if not isinstance(input, LookedUp):
        return Outcome(state)
    results = context.results.get(node.lookup, frozenset())
    variables = {name: value for name, value in state.variables.items() if name not in results}
    hidden = {name for name in state.masked if name not in results}
    if any(reads_masked(text, state) for text in node.give.values()):
        hidden |= input.values.keys()
    known = replace(state, variables={**variables, **input.values}, masked=tuple(sorted(hidden)))
    ways = {
        "none": node.on_none,
        "timeout": node.on_timeout or node.on_error,
        "error": node.on_error,
    }
    return go(known, ways.get(input.answer, "") or node.next)


def _check(node: LookUp, known: KnownNames) -> Iterable[Fault]:
    return _faults(node, known)


def _faults(node: LookUp, known: KnownNames) -> Iterator[Fault]:
    lookup = known.lookups.get(node.lookup)
    if lookup is None:
        yield Fault("lookup", f"there is no lookup {node.lookup!r}{suggestion(node.lookup, known.lookups)}")
        return
    wanted = parameters_of(lookup.url, lookup.sql)
    for name in node.give:
        if lookup.method != "POST" and name not in wanted:
            yield Fault(
                f"give.{name}", f"lookup {node.lookup!r} has no parameter {name!r}{suggestion(name, wanted)}"
            )
    if not node.on_error:
        yield Fault(
            "on_error", "a caller goes on as if something were found when the lookup fails", "warning"
        )


LOOKUP = Kind(
    enter=_enter,
    hear=_hear,
    edges=lambda node: (
        Edge("next", "found", node.next, True),
        Edge("on_none", "nothing", node.on_none, True),
        Edge("on_timeout", "no answer", node.on_timeout, True),
        Edge("on_error", "failed", node.on_error, True),
    ),
    detail=lambda node: str(node.lookup),
    expressions=lambda node: ((f"give.{name}", text, Type.ANY) for name, text in node.give.items()),
    check=_check,
)
