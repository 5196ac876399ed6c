"""What led a call from step to step: route, flow, choices in menus, stages. Written with its CDR, told by `why`.

Bounded: of a call that goes on and on the first and the latest marks stay. What a caller typed is a mark only where it
was a choice in a menu; numbers and PINs are never.
"""

import json
from typing import TypedDict

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
    __slots__ = ("_marks",)

    def __init__(self) -> None:
        self._marks: list[tuple[float, str, dict[str, object]]] = []

    def mark(self, wall: float, what: str, **detail: object) -> None:
        if len(self._marks) >= MOST:
            del self._marks[_FIRST]
        self._marks.append((wall, what, detail))

    def entered(self, wall: float, stage: Stage) -> None:
        self.mark(wall, name_of(stage), **_told(stage))

    def marks(self) -> list[Mark]:
        return [{"at": at, "what": what, "detail": dict(detail)} for at, what, detail in self._marks]

    def text(self) -> str:
        """For the CDR: `[[time, what, detail], …]`."""
        return compact([[round(at, 3), what, detail] for at, what, detail in self._marks])


def marks_of(text: str) -> list[Mark]:
    """What `Trail.text` wrote; nothing of a call that left none, or of text that is damaged."""
    try:
        return [
            {"at": float(at), "what": str(what), "detail": dict(detail)}
            for at, what, detail in json.loads(text)
        ]
    except (ValueError, TypeError):
        return []


def _told(stage: Stage) -> dict[str, object]:
    match stage:
        case Greet(flow=flow, result=result):
            return {"flow": flow, "result": result} if result else {"flow": flow}
        case Wait(queue=queue, priority=priority, skills=skills):
            return {"queue": queue, "priority": priority, "skills": dict(skills)}
        case Dial(target=target):
            return {"target": str(target)}
        case Talk(queue=str(queue), agent=agent):
            return {"queue": queue, "agent": agent}
        case CallBack(first=first):
            return {"first": first}
        case Message(box=box):
            return {"box": box}
        case Confer(conference=conference):
            return {"conference": conference}
        case Feature(feature=feature):
            return {"feature": feature}
        case Park(place=place):
            return {"place": place}
        case _:
            return {}
