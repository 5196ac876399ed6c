"""Functions of expressions, each with the types it takes and gives. Pure, bounded, and without failure: what cannot be
computed is nothing (None), which `default` replaces.

Forms that do not evaluate all of their arguments (`if`, `default`, `has`) and what asks the switch (`open`, `holiday`,
`header`) stand in `evaluate.py`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from softswitch.ivr.value import Type, Value, number_of, text_of
from softswitch.patterns import Pattern

TEXT, NUMBER, YES_NO, ANY = Type.TEXT, Type.NUMBER, Type.YES_NO, Type.ANY


@dataclass(frozen=True, slots=True)
class Function:
    takes: tuple[Type, ...]
    gives: Type
    compute: Callable[..., Value | None]
    more: bool = False
    """The last type may come again, as often as one likes."""
    fixed: tuple[int, ...] = ()
    """Arguments that must stand there as texts, so that they can be checked before the flow is live."""

    def accepts(self, count: int) -> bool:
        return count >= len(self.takes) if self.more else count == len(self.takes)


def _number(value: Value) -> Value | None:
    return number_of(text_of(value)) if isinstance(value, str) else None if isinstance(value, bool) else value


def _matches(number: str, pattern: str) -> bool | None:
    try:
        return Pattern.parse(pattern).matches(number)
    except ValueError:
        return None


def _part(text: str, first: Any, count: Any) -> str:
    """`first` counts from 1."""
    begin = max(0, int(first) - 1)
    return text[begin : begin + max(0, int(count))]


def _round(number: Any, digits: Any = 0) -> Value:
    """Half away from zero, as people do it."""
    scale: float = 10 ** max(0, min(9, int(digits)))
    return float(math.copysign(math.floor(abs(number) * scale + 0.5), number) / scale)


FUNCTIONS: dict[str, Function] = {
    "number": Function((ANY,), NUMBER, _number),
    "text": Function((ANY,), TEXT, text_of),
    "length": Function((TEXT,), NUMBER, len),
    "lower": Function((TEXT,), TEXT, str.lower),
    "upper": Function((TEXT,), TEXT, str.upper),
    "trim": Function((TEXT,), TEXT, str.strip),
    "part": Function((TEXT, NUMBER, NUMBER), TEXT, _part),
    "last": Function((TEXT, NUMBER), TEXT, lambda text, count: text[-int(count) :] if count >= 1 else ""),
    "digits": Function((TEXT,), TEXT, lambda text: "".join(each for each in text if each in "0123456789")),
    "replace": Function(
        (TEXT, TEXT, TEXT), TEXT, lambda text, old, new: text.replace(old, new) if old else text
    ),
    "contains": Function((TEXT, TEXT), YES_NO, lambda text, other: other in text),
    "begins": Function((TEXT, TEXT), YES_NO, str.startswith),
    "ends": Function((TEXT, TEXT), YES_NO, str.endswith),
    "matches": Function((TEXT, TEXT), YES_NO, _matches, fixed=(1,)),
    "round": Function((NUMBER,), NUMBER, _round),
    "floor": Function((NUMBER,), NUMBER, math.floor),
    "abs": Function((NUMBER,), NUMBER, abs),
    "min": Function((NUMBER, NUMBER), NUMBER, min, more=True),
    "max": Function((NUMBER, NUMBER), NUMBER, max, more=True),
}
"""Name to function. `matches` knows Asterisk's patterns, as routes do: `matches(ani, "_+3460X!")`."""
FORMS = {"if": 3, "default": 2, "has": 1, "open": 1, "holiday": 1, "header": 1}
"""Forms that `evaluate.py` knows, to how many arguments they take."""
