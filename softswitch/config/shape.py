"""The shape of the configuration, read from the types of the schema: what keys a table may have, and their spellings.

Corrects what is only spelt differently (dashes, Asterisk's words) and finds keys that do not exist, before the values
are validated. Refuses to judge values: that is `validate.py`.
"""

import dataclasses
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from softswitch.config.problem import Finding, Path, nearest
from softswitch.config.queues import Queue

_YES_NO = {"yes": True, "no": False}
_ALIASES: Mapping[tuple[type, str], Mapping[object, object]] = {
    (Queue, "strategy"): {
        "ringall": "ring-all",
        "leastrecent": "longest-idle",
        "longest-idle-agent": "longest-idle",
        "rrmemory": "round-robin",
        "rrordered": "round-robin",
        "fewestcalls": "fewest-calls",
        "agent-with-fewest-calls": "fewest-calls",
        "agent-with-least-talk-time": "least-talk",
        "ring-progressively": "progressive",
        "sequentially-by-agent-order": "linear",
        "top-down": "linear",
        "wrandom": "weighted",
    },
    (Queue, "joinempty"): {True: "yes", False: "no", "strict": "no", "loose": "logged-in"},
    (Queue, "leavewhenempty"): {"yes": True, "no": False, "loose": True},
    (Queue, "autopause"): {"yes": 1, "no": 0, "all": 1, True: 1, False: 0},
}
"""Words of Asterisk and FreeSWITCH for values of ours."""


@cache
def fields_of(table: type) -> Mapping[str, Any]:
    """Names of a table's keys to their types."""
    return get_type_hints(table, include_extras=True)


def plain(kind: Any) -> Any:
    """A type without `Annotated` and without its `| None`."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        members = [plain(member) for member in get_args(kind) if member is not type(None)]
        return members[0] if len(members) == 1 else Union[tuple(members)]  # noqa: UP007
    return kind


def tables_of(kind: Any) -> tuple[type, ...]:
    """The dataclasses a value of this type may be: none for a scalar, several for the nodes of a flow."""
    kind = plain(kind)
    members = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    return tuple(
        member for member in members if isinstance(member, type) and dataclasses.is_dataclass(member)
    )


def table_for(kind: Any, value: Mapping[str, object]) -> type | None:
    """The dataclass that `value` is meant to be; among several the one whose `do` it names."""
    candidates = tables_of(kind)
    if len(candidates) <= 1:
        return candidates[0] if candidates else None
    for candidate in candidates:
        if value.get("do") in words_of(fields_of(candidate).get("do")):
            return candidate
    return None


def words_of(kind: Any) -> tuple[str, ...]:
    """The words a `Literal` allows; none for every other type."""
    kind = plain(kind)
    return tuple(str(word) for word in get_args(kind)) if get_origin(kind) is Literal else ()


def element_of(kind: Any) -> Any:
    """Type of the elements of a list or of the values of a table with free names; None for others."""
    kind = plain(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return arguments[0]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return arguments[1]
    return None


@dataclass(slots=True)
class Correction:
    """What came of correcting one document."""

    value: Any
    findings: list[Finding] = field(default_factory=list)
    spelling: dict[Path, Path] = field(default_factory=dict)
    """Corrected paths to the paths as they are written, where these differ."""


def corrected(kind: Any, value: Any) -> Correction:
    """`value` with every key spelt as in the schema and known aliases replaced; unknown keys are found and left out."""
    correction = Correction(value=None)
    correction.value = _correct(kind, value, (), (), correction)
    return correction


def _correct(kind: Any, value: Any, path: Path, written: Path, into: Correction) -> Any:
    if path != written:
        into.spelling[path] = written
    inner = element_of(kind)
    if isinstance(value, list):
        return [
            _correct(inner, item, (*path, index), (*written, index), into) for index, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return _yes_no(kind, value)
    if inner is not None:
        return {
            key: _correct(inner, item, (*path, key), (*written, key), into) for key, item in value.items()
        }
    table = table_for(kind, value)
    if table is None:
        return value
    return _correct_table(table, value, path, written, into)


def _correct_table(
    table: type, value: dict[str, Any], path: Path, written: Path, into: Correction
) -> dict[str, Any]:
    known = fields_of(table)
    found: dict[str, Any] = {}
    for key, item in value.items():
        name = key.replace("-", "_")
        if name not in known:
            into.findings.append(_unknown_key(key, known, (*written, key)))
        elif name in found:
            into.findings.append(
                Finding(path=(*written, key), message="is given twice, with a dash and with an underscore")
            )
        else:
            item = _alias(table, name, item)
            found[name] = _correct(known[name], item, (*path, name), (*written, key), into)
    return found


def _unknown_key(key: str, known: Mapping[str, object], written: Path) -> Finding:
    return Finding(
        path=written,
        message="is no key here",
        expected="one of " + ", ".join(known) if len(known) <= 8 else "",
        did_you_mean=nearest(key.replace("-", "_"), known),
    )


def _alias(table: type, name: str, value: object) -> object:
    aliases = _ALIASES.get((table, name))
    if aliases is None or not isinstance(value, bool | str):
        return value
    return aliases.get(value, value)


def _yes_no(kind: Any, value: object) -> object:
    return _YES_NO.get(value, value) if plain(kind) is bool and isinstance(value, str) else value


def visit(kind: Any, value: Any, seen: Callable[[Path, Any, Any], None], path: Path = ()) -> None:
    """Calls `seen(path, type, value)` for every leaf of a validated configuration value."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for name, inner in fields_of(type(value)).items():
            visit(inner, getattr(value, name), seen, (*path, name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            visit(element_of(kind), item, seen, (*path, str(key)))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            visit(element_of(kind), item, seen, (*path, index))
    else:
        seen(path, kind, value)
