"""What flows ask of voices, and what they are told: speech is listened to and understood, people are found by name."""

from dataclasses import dataclass

TEXT = "text:"
"""Beginning of a prompt's name that is a text to be spoken, not a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody whom a directory knows."""

    name: str
    target: str
    """`agent:ID` or `extension:NAME`."""
    keys: tuple[str, ...]
    """Each word of the name as keys, `Ana Pop` as `262` and `767`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """A recogniser hears the caller from now on; what it says comes as `SpeechBegan` and `Heard`."""

    recogniser: str
    language: str
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAnswer:
    """The time to speak is over: `Heard` follows, whatever the recogniser does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopListening:
    """Nothing more is wanted of the recogniser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechBegan:
    """The recogniser hears somebody speak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What was understood; empty: nothing."""

    text: str
    confidence: float = 1.0
    problem: str = ""
    """Why the recogniser could not be asked; empty: it could."""


VoiceAction = Listen | AskAnswer | StopListening
VoiceInput = SpeechBegan | Heard
