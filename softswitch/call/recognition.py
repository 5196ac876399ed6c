"""Recognisers of speech as calls see them: somebody listens to a leg, and says what was understood."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from softswitch.ids import CallId, LegId
from softswitch.ivr.voice_actions import VoiceInput

Tell = Callable[[VoiceInput], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What a recogniser is told of whom it hears."""

    call: CallId
    leg: LegId
    recogniser: str
    language: str
    hints: tuple[str, ...]
    ani: str
    dnis: str


class Ear(Protocol):
    """One recogniser that hears one leg, until it is stopped."""

    def ask(self) -> None:
        """The time to speak is over; `Heard` follows within `answer_s` of the configuration."""

    def stop(self) -> None:
        """Hear nothing more, tell nothing more."""


class Recognition(Protocol):
    def listen(self, listening: Listening, tell: Tell) -> Ear:
        """Begin; what cannot be told at once comes by `tell`, a problem too."""

    async def close(self) -> None: ...
