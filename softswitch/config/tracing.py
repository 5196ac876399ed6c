"""Keys of the message memory, of ladders kept, and of the export to Homer."""

import re
from dataclasses import dataclass, field

_HOMER = re.compile(r"(udp|tcp)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.\-]+):([0-9]{1,5})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """SIP messages kept in memory, for ladders of calls that go on or have just ended."""

    messages: int = 60
    """Latest messages kept of each leg and registration; 0 keeps none, and there is nothing to see."""
    memory_mb: int = 32
    """All of them together; the dialogs that have been silent longest go first."""
    keep_s: float = 900.0
    """How long they stay after the last message of a call that has ended."""
    keep_failed: int = 500
    """Ladders of failed calls kept on disk, in `{state_dir}/ladders`; the oldest go. 0 keeps none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Homer:
    """A Homer server (HEP version 3) that every SIP message is sent to, without its secrets."""

    address: str = ""
    """`udp://HOST:PORT` or `tcp://HOST:PORT`; empty sends nothing."""
    capture_id: int = 2001
    """Number by which Homer knows this switch."""
    password: str = ""
    """Authentication key that Homer expects; empty sends none."""
    rate: int = 5000
    """Most messages a second; more are counted and not sent."""
    quality: bool = True
    """Also send each ended leg's audio figures, as JSON (protocol type 34)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    homer: Homer = field(default_factory=Homer)
    """Export to Homer."""


def homer_address(text: str) -> tuple[str, str, int]:
    """Transport, host and port of `udp://HOST:PORT`; raises ValueError."""
    match = _HOMER.fullmatch(text)
    if match is None or not 0 < int(match[3]) < 65536:
        raise ValueError(
            f"{text!r} is no address of a Homer server; expected udp://HOST:PORT or tcp://HOST:PORT"
        )
    return match[1], match[2].strip("[]"), int(match[3])
