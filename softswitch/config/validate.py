"""From plain TOML values to the typed configuration, with every value that does not fit.

pydantic validates; this file turns its errors into findings, and takes bad values out and tries again, so that one
wrong key does not hide what else is wrong.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from softswitch.config.flow import PATTERNS
from softswitch.config.problem import Finding, Path, nearest
from softswitch.config.schema import Config

_ROUNDS = 20
_TYPES = {
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "tuple_type": "a list in brackets",
    "mapping_type": "a table",
    "dict_type": "a table",
    "dataclass_type": "a table",
    "dataclass_exact_type": "a table",
    "model_attributes_type": "a table",
}


@dataclass(frozen=True, slots=True)
class Validated:
    config: Config | None
    """Without the values that did not fit; None when too little was left."""
    findings: tuple[Finding, ...]
    broken: frozenset[Path]
    """Tables left out because of what is wrong in them; they exist all the same for those who name them."""


@cache
def adapter() -> TypeAdapter[Config]:
    return TypeAdapter(Config)


def validated(value: dict[str, Any]) -> Validated:
    """`value` is changed: what does not fit is taken out of it."""
    findings: dict[Path, Finding] = {}
    broken: set[Path] = set()
    for _ in range(_ROUNDS):
        try:
            # Strict JSON knows lists for tuples and text for dates, and nothing else that TOML would not mean.
            config = adapter().validate_json(json.dumps(value, default=str), strict=True)
        except ValidationError as error:
            errors = [(_path_in(value, details), details) for details in error.errors(include_url=False)]
            for path, details in errors:
                _take_out(value, path, details, findings, broken)
            continue
        return Validated(config, tuple(findings.values()), frozenset(broken))
    return Validated(None, tuple(findings.values()), frozenset(broken))


def _take_out(
    value: dict[str, Any], path: Path, details: ErrorDetails, findings: dict[Path, Finding], broken: set[Path]
) -> None:
    if not any(path[: len(seen)] == seen for seen in findings):
        findings[path] = _finding(path, details)
    missing = details["type"] == "missing"
    table = _without(value, path[:-1] if missing else path)
    if missing or len(table) <= 2:
        broken.add(table[:2])


def _path_in(value: Any, details: ErrorDetails) -> Path:
    """The error's location without the names of union members that pydantic puts between the keys."""
    location = details["loc"]
    path: list[str | int] = []
    for index, part in enumerate(location):
        if _holds(value, part):
            value = value[part]
        elif not (details["type"] == "missing" and index == len(location) - 1):
            continue
        path.append(part)
    return tuple(path)


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _without(value: Any, path: Path) -> Path:
    """Takes out the value at `path`, or the whole list it is in; returns the path of what was taken out."""
    for index, part in enumerate(path):
        last = index == len(path) - 1
        if not isinstance(value, dict) or part not in value:
            return path[:index]
        if last or isinstance(value[part], list):
            del value[part]
            return path[: index + 1]
        value = value[part]
    return path


def _finding(path: Path, details: ErrorDetails) -> Finding:
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "missing":
        return Finding(path=path, message="is missing")
    if kind == "union_tag_not_found":
        return Finding(path=path, message="lacks `do`, the kind of the node", expected=_tags(context))
    if kind in ("literal_error", "union_tag_invalid"):
        tag = kind == "union_tag_invalid"
        given = context.get("tag", given) if tag else given
        expected = _tags(context) if tag else str(context.get("expected", ""))
        known = expected.replace(" or ", ", ").replace("'", "").split(", ")
        return Finding(
            path=(*path, "do") if tag else path,
            message=f"{_shown(given)} is not allowed",
            expected=expected.replace("'", ""),
            did_you_mean=nearest(given, known) if isinstance(given, str) else "",
        )
    if kind in _TYPES:
        return Finding(path=path, message=f"{_shown(given)} does not fit", expected=_TYPES[kind])
    if kind == "string_pattern_mismatch":
        return Finding(
            path=path, message=f"{_shown(given)} does not fit", expected=PATTERNS[context["pattern"]]
        )
    return Finding(path=path, message=f"{_shown(given)}: {details['msg'][:1].lower()}{details['msg'][1:]}")


def _tags(context: dict[str, Any]) -> str:
    return str(context.get("expected_tags", "play, say, menu …")).replace("'", "")


def _shown(given: object) -> str:
    text = json.dumps(given, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
