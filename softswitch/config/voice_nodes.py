"""Nodes of flows that speak text, find people by name and listen to what callers say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

_Variable = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
_Seconds = Annotated[float, Field(gt=0, le=3600)]
_Key = Annotated[str, Field(pattern=r"^[0-9*#A-D]$")]
_Prompts = str | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speak:
    """Speaks a text by the program of `[speech]`, then goes on."""

    do: Literal["speak"] = "speak"
    text: str
    """What is said; `{variable}`, `{ani}` and `{dnis}` stand for their values. What holds no variable is made ahead."""
    next: str
    """Node after it."""
    interruptible: bool = True
    """A key cuts it short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Finds a person by the letters on the keys: the caller presses the first letters of a name, hears who that may be,
    chooses, and is put through to that phone."""

    do: Literal["directory"] = "directory"
    prompt: _Prompts = "directory-ask"
    """What is asked for, spoken."""
    of: Literal["agents", "phones", "all"] = "all"
    """Who can be found: agents by `name`, phones by `display_name`, or both."""
    by: Literal["first", "last", "any"] = "any"
    """Which part of a name begins with the letters."""
    min_letters: Annotated[int, Field(ge=1, le=8)] = 3
    """Letters after which names are looked for; `#` does so with fewer."""
    most: Annotated[int, Field(ge=1, le=9)] = 5
    """Names that are read out at most; of more, the caller is asked for more letters."""
    timeout_s: _Seconds = 5.0
    """Wait for each key."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """Further tries after nobody was found, silence or a wrong key."""
    ring_s: _Seconds = 30.0
    """How long the phone rings."""
    on_failure: str = ""
    """Node when the last try failed; empty hangs up."""
    next: str = ""
    """Node when the phone did not answer; empty: the call ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hear:
    """Asks for something that is spoken: a recogniser hears the caller, and what it understood decides. Keys count too."""

    do: Literal["hear"] = "hear"
    prompt: _Prompts = ()
    """What is asked for, spoken; speech or a key cuts it short."""
    recogniser: str
    """Name of the recogniser (`[recogniser.NAME]`)."""
    variable: _Variable = "heard"
    """Variable that takes what was understood, or the key."""
    cases: Mapping[str, str] = field(default_factory=dict)
    """Words to node: `{ "sales" = "sales", "my bill" = "billing" }`; the first whose words are all heard, in this order and
    without regard to capitals, accents and punctuation, counts."""
    keys: Mapping[_Key, str] = field(default_factory=dict)
    """Key to node, for who would rather press."""
    hints: tuple[str, ...] = ()
    """Words that the recogniser is told to expect, beside those of `cases`."""
    timeout_s: _Seconds = 6.0
    """Time to speak, after the prompts."""
    min_confidence: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """What is understood with less counts as not understood."""
    retries: Annotated[int, Field(ge=0, le=10)] = 1
    """Further tries after silence or something not understood."""
    next: str = ""
    """Node after something that is in no case; empty: that was not understood."""
    on_failure: str = ""
    """Node when the last try failed, or at once when the recogniser cannot be reached: a menu by keys; empty hangs up."""


VoiceNode = Speak | Directory | Hear
