"""Values to JSON answers and requests to values: the only place where the API meets the text of HTTP."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from aiohttp import web
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from softswitch.api.errors import BadRequest
from softswitch.config.problem import nearest
from softswitch.config.shape import fields_of

T = TypeVar("T")

MAX_BODY_BYTES = 1 << 20
MAX_DEPTH = 20
_OPENING, _CLOSING = b"[{", b"]}"


def answer(value: object, status: int = 200) -> web.Response:
    """A frozen view, or a tuple of them, as JSON."""
    return web.Response(
        body=to_json(value, inf_nan_mode="null", fallback=_plain),
        status=status,
        content_type="application/json",
        charset="utf-8",
    )


def _plain(value: object) -> object:
    """Read-only mappings are no dictionaries to pydantic."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def error_answer(status: int, error: str, hint: str = "") -> web.Response:
    return answer({"error": error, "hint": hint}, status)


async def body_as(request: web.Request, kind: type[T]) -> T:
    """The JSON body as a frozen dataclass; an empty body is one of its defaults. Raises `BadRequest`."""
    body = await request.read()
    if _depth(body) > MAX_DEPTH:
        raise BadRequest(f"the body is nested deeper than {MAX_DEPTH}")
    try:
        given = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON") from None
    if not isinstance(given, dict):
        raise BadRequest("the body is no JSON object")
    return _as(given, kind, strict=True)


def query_as(request: web.Request, kind: type[T]) -> T:
    """The query string as a frozen dataclass. Raises `BadRequest`."""
    return _as(dict(request.query), kind, strict=False)


def _as(given: Mapping[str, Any], kind: type[T], *, strict: bool) -> T:
    known = fields_of(cast(type, kind))
    for key in given:
        if key not in known:
            meant = nearest(key, known)
            hint = f"did you mean {meant!r}?" if meant else f"known are {', '.join(known)}"
            raise BadRequest(f"{key!r} is not known here", hint=hint)
    adapter = TypeAdapter(kind)
    try:
        return (
            adapter.validate_json(json.dumps(given), strict=True)
            if strict
            else adapter.validate_python(given)
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadRequest(f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}") from None


def _depth(body: bytes) -> int:
    """How deep brackets are nested, at most; those within strings do not count. One pass, no recursion."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in body:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif byte in _CLOSING:
            depth -= 1
    return deepest
