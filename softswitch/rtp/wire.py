"""Commands and reports as bytes: four bytes of length, then one JSON object. Used by both ends of the Unix socket.

Decoding is strict: a known type, exactly its fields, each of its declared type; nothing is converted on the way and no
code is ever run (that is why this is not pickle).
"""

import dataclasses
import json
import math
import operator
import types
import typing
from collections.abc import Callable, Iterable, Iterator

from softswitch.errors import OurError
from softswitch.rtp.commands import Command
from softswitch.rtp.reports import Report

MAX_FRAME = 1 << 20
"""Longest body; an AskStats for 2,000 legs has 50 kB."""
_LENGTH_BYTES = 4

_Convert = Callable[[object], object]
_Tell = Callable[[typing.Any], dict[str, object]]

_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)
_SHAPES_KNOWN = 64
"""Of one type: which fields were there and of what types."""


class WireError(OurError):
    """Bytes on the Unix socket that are no command or report."""


def encode(value: Command | Report) -> bytes:
    """One frame, length included. A field that has its default is left out: of most, nothing else is to be told."""
    kind = type(value)
    body = _ENCODER.encode({"type": kind.__name__, **_TOLD[kind](value)}).encode()
    if len(body) > MAX_FRAME:
        raise WireError(f"{kind.__name__} takes {len(body)} bytes; at most {MAX_FRAME} are allowed")
    return len(body).to_bytes(_LENGTH_BYTES) + body


class FrameReader:
    """Cuts a byte stream into bodies; holds at most one frame and what one read brought."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every body that is complete with `data`; raises WireError on an announced length over `MAX_FRAME`."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:_LENGTH_BYTES])
            if length > MAX_FRAME:
                raise WireError(f"a frame of {length} bytes was announced")
            end = _LENGTH_BYTES + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH_BYTES:end])
            del self._buffer[:end]
            yield body


def decode_command(body: bytes) -> Command:
    return typing.cast(Command, _decode(body, _COMMANDS))


def decode_report(body: bytes) -> Report:
    return typing.cast(Report, _decode(body, _REPORTS))


def _decode(body: bytes, known: "dict[str, _Convert]") -> object:
    try:
        value = _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise WireError("not an object")
    name = value.pop("type", None)
    if not isinstance(name, str) or name not in known:
        raise WireError(f"unknown type {str(name)[:40]!r}")
    try:
        return known[name](value)
    except WireError as error:
        raise WireError(f"{name}: {error}") from error


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _finite(values: Iterable[object]) -> bool:
    return all(math.isfinite(value) for value in values if type(value) is float)


def _plain(kind: type, name: str) -> _Convert:
    def convert(value: object) -> object:
        if type(value) is not kind:
            raise WireError(f"{str(value)[:40]!r} is not {name}")
        return value

    return convert


def _float(value: object) -> object:
    if type(value) is int and abs(value) < 1 << 53:
        return float(value)
    if type(value) is not float or not math.isfinite(value):
        raise WireError(f"{str(value)[:40]!r} is not a number")
    return value


_SCALARS: dict[object, _Convert] = {
    str: _plain(str, "a string"),
    int: _plain(int, "an integer"),
    bool: _plain(bool, "true or false"),
    float: _float,
}


def _converter(hint: object) -> _Convert:
    """The strict reader of one declared type."""
    hint = getattr(hint, "__supertype__", hint)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _sequence(_converter(arguments[0]))
    if origin in (types.UnionType, typing.Union) and len(arguments) == 2 and type(None) in arguments:
        return _optional(_converter(next(kind for kind in arguments if kind is not type(None))))
    raise TypeError(f"{hint} has no form on the wire")


def _record(kind: type) -> _Convert:
    hints = typing.get_type_hints(kind)
    converters = {field.name: _converter(hints[field.name]) for field in dataclasses.fields(kind)}
    needed = {
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }

    known: set[tuple[object, ...]] = set()

    def convert(value: object) -> object:
        if not isinstance(value, dict):
            raise WireError("not an object")
        shape = (*value, *map(type, value.values()))
        if shape in known and (float not in shape or _finite(value.values())):
            return kind(**value)
        if unknown := value.keys() - converters.keys():
            raise WireError(f"unknown field {min(map(str, unknown))[:40]!r}")
        if missing := needed - value.keys():
            raise WireError(f"field {min(missing)!r} is missing")
        arguments = {}
        for name, item in value.items():
            try:
                arguments[name] = converters[name](item)
            except WireError as error:
                raise WireError(f"{name}: {error}") from error
        if len(known) < _SHAPES_KNOWN and all(map(operator.is_, arguments.values(), value.values())):
            known.add(shape)  # nothing in it was changed: so it is with all others of its shape
        return kind(**arguments)

    return convert


def _sequence(item: _Convert) -> _Convert:
    def convert(value: object) -> object:
        if not isinstance(value, list):
            raise WireError("not a list")
        return tuple(item(entry) for entry in value)

    return convert


def _optional(inner: _Convert) -> _Convert:
    def convert(value: object) -> object:
        return None if value is None else inner(value)

    return convert


def _teller(kind: type) -> _Tell:
    """What of a value of this type is to be told: the fields that do not have their default."""
    fields, hints = dataclasses.fields(kind), typing.get_type_hints(kind)
    names = tuple(field.name for field in fields)
    defaults = tuple(field.default for field in fields)
    nested = tuple((name, inner) for name in names if (inner := _nested(hints[name])) is not None)
    get: Callable[[typing.Any], object] = operator.attrgetter(*names) if names else lambda value: ()
    alone = len(names) == 1

    def tell(value: object) -> dict[str, object]:
        values = typing.cast("tuple[object, ...]", (get(value),) if alone else get(value))
        told = {
            name: one for name, one, left_out in zip(names, values, defaults, strict=True) if one != left_out
        }
        for name, inner in nested:
            if told.get(name) is not None:
                told[name] = inner(told[name])
        return told

    return tell


def _nested(hint: object) -> _Tell | None:
    """How a field's value that is a record itself is told; None where it goes as it is."""
    found = [one for one in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(one)]
    return _teller(found[0]) if found and isinstance(found[0], type) else None


_TOLD: dict[type, _Tell] = {
    kind: _teller(kind) for kind in (*typing.get_args(Command), *typing.get_args(Report))
}
_COMMANDS: dict[str, _Convert] = {kind.__name__: _record(kind) for kind in typing.get_args(Command)}
_REPORTS: dict[str, _Convert] = {kind.__name__: _record(kind) for kind in typing.get_args(Report)}
