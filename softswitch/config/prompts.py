"""Tables of the configuration about what callers hear: prompts, their languages, and boxes for messages.

`schema.py` joins them to the rest; the docstring under each field is what the reference prints.
"""

from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "es", "ro"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    directory: str = ""
    """Folder with files of yours, `LANGUAGE/NAME.*` in any format that libsndfile reads; they go before those shipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A box in which callers leave messages."""

    max_s: float = 180.0
    """Longest message."""
    prompt: str = "leave-message"
    """Said before the beep."""
