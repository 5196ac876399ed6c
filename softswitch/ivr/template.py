"""Texts with expressions in them: `Your balance is {round(balance)} euros.`; `{{` and `}}` are braces themselves."""

import re
from dataclasses import dataclass
from functools import lru_cache

from softswitch.ivr.actions import FlowContext, FlowState
from softswitch.ivr.evaluate import evaluate
from softswitch.ivr.expression import Expression, ExpressionError, parse
from softswitch.ivr.value import text_of

MAX_LENGTH = 4000
_PART = re.compile(r"\{\{|\}\}|\{(?P<expression>[^{}]*)\}|(?P<stray>[{}])|(?P<text>[^{}]+)")


@dataclass(frozen=True, slots=True)
class Template:
    parts: tuple[str | Expression, ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Raises ExpressionError."""
        return _parsed(text)

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(part for part in self.parts if not isinstance(part, str))

    def fill(self, state: FlowState, context: FlowContext) -> str:
        """What cannot be computed is left out."""
        return "".join(
            part if isinstance(part, str) else text_of(evaluate(part, state, context)) for part in self.parts
        )


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Template:
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"is longer than {MAX_LENGTH} characters")
    parts: list[str | Expression] = []
    for match in _PART.finditer(text):
        if match["stray"]:
            raise ExpressionError(f"{match['stray']!r} at {match.start() + 1} has no counterpart")
        if match["expression"] is not None:
            parts.append(parse(match["expression"]))
        else:
            parts.append(match["text"] or match[0][0])
    return Template(tuple(parts))


def filled(text: str, state: FlowState, context: FlowContext) -> str:
    """A configured text for this caller; one without braces is itself."""
    return Template.parse(text).fill(state, context) if "{" in text or "}" in text else text
