"""Tables to TOML 1.0, as people write it: what is a table of tables as sections, what lies deeper in one line."""

import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def document(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Sections whose values are tables are written one by one, `[endpoint.1001]`."""
    parts: list[str] = []
    for section, table in tables.items():
        named = {name: value for name, value in table.items() if isinstance(value, Mapping)}
        plain = {name: value for name, value in table.items() if name not in named}
        if plain:
            parts.append(_section((section,), plain))
        parts += [_section((section, name), value) for name, value in named.items()]
    return "\n".join(parts)


def _section(path: tuple[str, ...], table: Mapping[str, Any]) -> str:
    head = ".".join(map(_key, path))
    lines = [f"{_key(name)} = {_value(value)}" for name, value in table.items()]
    return "\n".join([f"[{head}]", *lines]) + "\n"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return repr(value)
        case Mapping():
            return "{ " + ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items()) + " }"
        case list() | tuple():
            several = len(value) > 1 and isinstance(value[0], Mapping)
            if several:
                return "[\n" + "".join(f"    {_value(each)},\n" for each in value) + "]"
            return "[" + ", ".join(map(_value, value)) + "]"
    return _string(str(value))


def _string(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(letter) or _plain(letter) for letter in text) + '"'


def _plain(letter: str) -> str:
    code = ord(letter)
    return f"\\u{code:04x}" if code < 0x20 or code == 0x7F else letter
