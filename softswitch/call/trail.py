"""What led a call from step to step: route, flow, choices in menus, stages. Written with its CDR, told by `why`.

Bounded: of a call that goes on and on the first and the latest marks stay. What a caller typed is a mark only where it
was a choice in a menu; numbers and PINs are never.
"""

import json
from collections.abc import Callable
from typing import Any, TypedDict

from softswitch.call.stages import (
    CallBack,
    Confer,
    Dial,
    Feature,
    Greet,
    Message,
    Park,
    Stage,
    Talk,
    Wait,
    name_of,
)
from softswitch.compact import compact

MOST = 60
_FIRST = 20


class Mark(TypedDict):
    at: float
    """Wall."""
    what: str
    """`route`, `menu`, `lookup`, or the name of a stage."""
    detail: dict[str, object]


class Trail:
    __slots__ = ("_marks", "_text", "_told")

    def __init__(self) -> None:
        self._marks: list[tuple[float, str, dict[str, object]]] = []
        self._text, self._told = "[]", 0
        """Of the first so many: a call is written down more than once, and a mark never changes."""

    def mark(self, wall: float, what: str, **detail: object) -> None:
        self._add(wall, what, detail)

    def entered(self, wall: float, stage: Stage) -> None:
        told = _TOLD.get(type(stage))
        self._add(wall, name_of(stage), told(stage) if told is not None else {})

    def _add(self, wall: float, what: str, detail: dict[str, object]) -> None:
        if len(self._marks) >= MOST:
            del self._marks[_FIRST]
            self._text, self._told = "[]", 0
        self._marks.append((wall, what, detail))

    def marks(self) -> list[Mark]:
        return [{"at": at, "what": what, "detail": dict(detail)} for at, what, detail in self._marks]

    def text(self) -> str:
        """For the CDR: `[[time, what, detail], …]`."""
        told = self._told
        # Milliseconds by a whole number: `round(at, 3)` goes over decimal text, at four times the cost.
        new = [(round(at * 1000) / 1000, what, detail) for at, what, detail in self._marks[told:]]
        if new:
            text = compact(new)
            self._text = f"{self._text[:-1]},{text[1:]}" if told else text
            self._told = told + len(new)
        return self._text


def marks_of(text: str) -> list[Mark]:
    """What `Trail.text` wrote; nothing of a call that left none, or of text that is damaged."""
    try:
        return [
            {"at": float(at), "what": str(what), "detail": dict(detail)}
            for at, what, detail in json.loads(text)
        ]
    except (ValueError, TypeError):
        return []


def _greet(stage: Greet) -> dict[str, object]:
    return {"flow": stage.flow, "result": stage.result} if stage.result else {"flow": stage.flow}


def _wait(stage: Wait) -> dict[str, object]:
    return {"queue": stage.queue, "priority": stage.priority, "skills": dict(stage.skills)}


def _talk(stage: Talk) -> dict[str, object]:
    return {} if stage.queue is None else {"queue": stage.queue, "agent": stage.agent}


_TOLD: dict[type[Any], Callable[[Any], dict[str, object]]] = {
    Greet: _greet,
    Wait: _wait,
    Dial: lambda stage: {"target": str(stage.target)},
    Talk: _talk,
    CallBack: lambda stage: {"first": stage.first},
    Message: lambda stage: {"box": stage.box},
    Confer: lambda stage: {"conference": stage.conference},
    Feature: lambda stage: {"feature": stage.feature},
    Park: lambda stage: {"place": stage.place},
}
"""What a mark says of a stage beside its name."""
