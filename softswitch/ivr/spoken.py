"""What the rules of all languages share: the moment that is spoken, and the names of prompts for small numbers."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Moment(NamedTuple):
    """A day, as a date is spoken from it."""

    year: int
    month: int
    day: int
    weekday: int
    """0 is Monday."""


class Grammar(Protocol):
    """What the file of a language defines."""

    def number(self, value: int, gender: str = "") -> tuple[str, ...]: ...

    def counted(self, value: int, unit: str) -> tuple[str, ...]: ...

    def between(self, low: int, high: int, unit: str) -> tuple[str, ...]: ...

    def duration(self, parts: tuple[tuple[int, str], ...]) -> tuple[str, ...]: ...

    def position(self, value: int) -> tuple[str, ...]: ...

    def clock(self, hour: int, minute: int) -> tuple[str, ...]: ...

    def date(self, moment: Moment) -> tuple[str, ...]: ...


def below_hundred(value: int) -> tuple[str, ...]:
    """0 to 99 are one prompt each: nothing sounds as natural as a whole word."""
    return (f"n-{value}",)


def joined(parts: Sequence[tuple[str, ...]], link: str) -> tuple[str, ...]:
    """The parts one after another, with `link` before the last of several."""
    if len(parts) < 2:
        return tuple(name for part in parts for name in part)
    return (*(name for part in parts[:-1] for name in part), link, *parts[-1])
