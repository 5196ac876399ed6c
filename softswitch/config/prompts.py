"""Tables of the configuration about what callers hear: prompts, their languages, and boxes for messages.

`schema.py` joins them to the rest; the docstring under each field is what the reference prints.
"""

from dataclasses import dataclass, field
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
    """Said before the beep, where the owner has recorded no greeting of his own."""
    silence_s: float = 0.0
    """Seconds of silence that end a message (at least 5 before the first word); 0: only a key, hanging up, `max_s` do."""
    most: int = 0
    """Messages at once; callers are told that the box is full. 0: no limit but the disk's."""
    pin: str = field(default="", repr=False)
    """Digits that open the box from a phone; empty: only the phone whose `mailbox` it is, and without being asked."""
    mail: tuple[str, ...] = ()
    """Addresses to which each message is sent, with its recording; `[mail]` says how."""
    mail_then: Literal["keep", "heard", "delete"] = "keep"
    """What becomes of the message in its box when its mail is on the way: it stays new, counts as heard, or goes."""
