"""What a queue has counted since the engine started; reports over longer times are made from the store."""

from collections.abc import Mapping
from typing import Literal

Departure = Literal["abandoned", "overflowed", "left"]
DEPARTURES: Mapping[str, Departure] = {
    "abandoned": "abandoned",
    "key": "left",
    "withdrawn": "left",
    "callback": "left",
    "moved": "left",
    "timeout": "overflowed",
    "full": "overflowed",
    "join empty": "overflowed",
    "empty": "overflowed",
}
"""How each reason to leave unserved is counted."""


class Figures:
    __slots__ = (
        "abandoned",
        "answered",
        "answered_in_sl",
        "left",
        "offered",
        "overflowed",
        "talk_s",
        "talks",
        "wait_s",
    )

    def __init__(self) -> None:
        self.offered = 0
        self.answered = 0
        self.answered_in_sl = 0
        self.abandoned = 0
        self.overflowed = 0
        self.left = 0
        self.wait_s = 0.0
        """Of the answered."""
        self.talks = 0
        self.talk_s = 0.0

    def answer(self, waited_s: float, servicelevel: float) -> None:
        self.answered += 1
        self.wait_s += waited_s
        if waited_s <= servicelevel:
            self.answered_in_sl += 1

    def depart(self, reason: str) -> None:
        kind = DEPARTURES[reason]
        if kind == "abandoned":
            self.abandoned += 1
        elif kind == "overflowed":
            self.overflowed += 1
        else:
            self.left += 1

    def talk(self, seconds: float) -> None:
        self.talks += 1
        self.talk_s += seconds

    @property
    def mean_wait_s(self) -> float:
        return self.wait_s / self.answered if self.answered else 0.0

    @property
    def mean_talk_s(self) -> float:
        return self.talk_s / self.talks if self.talks else 0.0
