"""What happened in a recording besides sound, as the side file `{name}.json` tells it; without events there is none."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from softswitch.ids import RecordingId


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    at_s: float
    """Seconds from the beginning of the file."""
    kind: str
    """`paused`, `resumed`, `limit` or `failed`."""
    text: str = ""


def serialize(recording: RecordingId, markers: Sequence[Marker]) -> bytes:
    content = {"recording": recording, "markers": [asdict(marker) for marker in markers]}
    return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"
