"""The node that settles in which language a caller is spoken to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

_Language = Literal["en", "es", "ro"]
_Key = Annotated[str, Field(pattern=r"^[0-9*#A-D]$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Settles the language of prompts: by a variable, else by the caller's number, else by the key that he presses."""

    do: Literal["language"] = "language"
    variable: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]{0,31})?$")] = ""
    """Variable that may hold the language; another value settles nothing."""
    prefixes: Mapping[str, _Language] = field(default_factory=dict)
    """Beginnings of caller numbers to languages: `{ "+34" = "es", "+40" = "ro" }`; the longest counts."""
    keys: Mapping[_Key, _Language] = field(default_factory=dict)
    """Keys to languages, each told in its own language, in this order; without keys nobody is asked."""
    prompt: str = "press-for-language"
    """What is said in each language before its key."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 5.0
    """Wait for a key after the prompts; then, or after a wrong key, the language stays as it is."""
    next: str
    """Node after it."""
