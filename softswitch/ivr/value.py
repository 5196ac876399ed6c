"""Values of variables: texts, numbers and yes or no; how each is written down, spoken of and read from text."""

import re
from enum import StrEnum

Value = str | int | float | bool

MAX_TEXT = 1000
"""Longer texts are cut: what a caller, a header or a data base says never grows without bound."""
MAX_NUMBER = 10**15
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,9})?")
_YES = frozenset({"yes", "true", "1"})
_NO = frozenset({"no", "false", "0"})


class Type(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    YES_NO = "yes-no"
    ANY = "any"
    """Not known before the call: a variable that two nodes set to different types."""


def type_of(value: Value) -> Type:
    if isinstance(value, bool):
        return Type.YES_NO
    return Type.TEXT if isinstance(value, str) else Type.NUMBER


def text_of(value: Value | None) -> str:
    """As it is written down and compared with cases: `yes`, `12`, `2.5`; what is not set is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".")
    return str(value)


def number_of(text: str) -> int | float | None:
    """None for what is no number."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    return float(text) if "." in text else int(text)


def bounded(value: Value | None) -> Value | None:
    """The value within its limits; None for a number that is beyond them or is none."""
    if isinstance(value, str):
        return value[:MAX_TEXT]
    if value is None or isinstance(value, bool):
        return value
    if not -MAX_NUMBER <= value <= MAX_NUMBER:  # false for what is not a number, too
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def printable(text: str) -> str:
    """One line of characters: what JSON can hold beside them (NUL, halves of surrogate pairs) goes no further."""
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)


def converted(value: object, wanted: Type) -> Value | None:
    """What came from elsewhere, as the type that was asked for; None where it cannot be that."""
    if not isinstance(value, str | int | float | bool):
        return None
    if wanted is Type.TEXT:
        return bounded(printable(text_of(value)[:MAX_TEXT]))
    if wanted is Type.NUMBER:
        if isinstance(value, bool):
            return None
        return bounded(number_of(value) if isinstance(value, str) else value)
    word = text_of(value).lower()
    return True if word in _YES else False if word in _NO else None
