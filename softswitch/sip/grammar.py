"""Pieces of the grammar of RFC 3261 section 25 that several values share: tokens, quoted strings, lists.

Everything here takes time linear in its input: expressions have no repetition inside a repetition, and lists are cut
by one pass over their special characters. Case is folded for ASCII only (`'K'.lower()` is `'k'` for the Kelvin sign).
"""

import re
from collections.abc import Iterator

from softswitch.sip.errors import ParseError

TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]+"
IS_TOKEN = re.compile(TOKEN)

MAX_PIECES = 128
"""Elements of one list, parameters of one value."""

_DIGITS = re.compile(r"[0-9]{1,10}")
_MANY_DIGITS = re.compile(r"[0-9]+")
_SPECIAL = re.compile(r'(?:\\.)+|["<>,;]', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UPPER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def fold(name: str) -> str:
    """`name` in lower case, ASCII letters only."""
    return name.lower() if name.isascii() else name.translate(_UPPER)


def is_unsafe(text: str) -> bool:
    """Whether it holds what no value of ours may: it would end the line or the string at some peer."""
    return "\r" in text or "\n" in text or "\0" in text


def number(text: str, what: str, largest: int) -> int:
    """ASCII digits only, at most ten of them, at most `largest`."""
    if _DIGITS.fullmatch(text) is None or (value := int(text)) > largest:
        raise ParseError(f"{what} is no number up to {largest}")
    return value


def clamped_number(text: str, what: str, largest: int) -> int:
    """ASCII digits only; anything above `largest`, however long, counts as `largest`."""
    if _DIGITS.fullmatch(text) is not None:
        return min(int(text), largest)
    if _MANY_DIGITS.fullmatch(text) is None:
        raise ParseError(f"{what} is no number")
    significant = text.lstrip("0")
    return largest if len(significant) > 10 else min(int(significant or "0"), largest)


def _cuts(text: str, separator: str) -> Iterator[int]:
    quoted = angle = False
    for match in _SPECIAL.finditer(text):
        special = match[0]
        if quoted:
            quoted = special != '"'
        elif special[0] == "\\":
            raise ParseError("a backslash outside quotes")
        elif special == '"':
            quoted = not angle
        elif special == "<":
            angle = True
        elif special == ">":
            angle = False
        elif special == separator and not angle:
            yield match.start()
    if quoted or angle:
        raise ParseError("a quote or bracket is never closed")


def split(text: str, separator: str) -> list[str]:
    """Cut at each `separator` (comma or semicolon) that is neither in quotes nor in angle brackets."""
    if separator not in text:
        return [text]
    if '"' not in text and "<" not in text:
        pieces = text.split(separator, MAX_PIECES)
    else:
        pieces, start = [], 0
        for cut in _cuts(text, separator):
            pieces.append(text[start:cut])
            start = cut + 1
            if len(pieces) > MAX_PIECES:
                break
        pieces.append(text[start:])
    if len(pieces) > MAX_PIECES:
        raise ParseError("a list of too many elements")
    return pieces


def quoted_string(text: str, start: int = 0) -> tuple[str, int]:
    """The quoted string that begins at `start`, unescaped, and the position behind its closing quote."""
    match = _QUOTED.match(text, start)
    if match is None:
        raise ParseError("a quoted string is never closed")
    value = match[1]
    return (_ESCAPE.sub(r"\1", value) if "\\" in value else value), match.end()


def unquoted(text: str) -> str:
    """The content of a quoted string, or `text` itself when it is none."""
    if not text.startswith('"'):
        return text
    value, end = quoted_string(text)
    if end != len(text):
        raise ParseError("something follows a quoted string")
    return value


def quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def readable(text: str) -> str:
    """`text` for people, logs and databases: control characters gone, bytes that were no UTF-8 read as Latin-1."""
    if text.isascii():
        return text if text.isprintable() else _CONTROL.sub("", text)
    text = "".join(chr(ord(char) - 0xDC00) if "\udc80" <= char <= "\udcff" else char for char in text)
    return _CONTROL.sub("", text)
