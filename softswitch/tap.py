"""The seam between the media worker, which sees packets, and the recorder, which owns bytes on disk.

The worker hands over one batch of rows a tick; the recorder places them on a timeline and writes. Neither imports the
other: the worker's composition root (`softswitch/media_worker.py`) puts them together.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from softswitch.ids import RecordingId
from softswitch.value import value

MOST_TRACKS = 8
"""Parties of one recording at a time."""


@value
class RecordingSpec:
    recording: RecordingId
    path: str
    """Where the WAV is written; its folder exists or can be made."""
    channels: int
    """1: only track 0 (a message left by a caller). 2: track 0 is left (caller), track 1 right (agent). More: one for each
    party, at most 8. Tracks beyond the channels are added to the last channel."""
    encoding: str
    """`PCMU` or `PCMA` (both tracks as received when they are of this law, translated when not) or `PCM16`."""
    max_s: float
    """The recording ends by itself after this many seconds of audio; 0 is no limit."""
    armed_s: float = 0.0
    """Above 0: nothing is written before `KeepRecording`; then what was heard in these last seconds comes first."""
    masked: bool = False
    """It begins masked: nothing of its first moments is heard before the order to mask it has come."""
    continues_s: float = -1.0
    """At least 0: `path` holds this recording's beginning already, made by a worker that died; what comes now goes on this
    many seconds after the file's first sample (wall time since it began), the time between is silence."""
    silence_s: float = 0.0
    """Above 0: it ends by itself when its speaker has said nothing for so long."""
    fork: str = ""
    """Not empty: nothing is written. What is received goes at once to the Unix socket of this path, as PCM of 16 bits
    behind a line with the name of the recording."""
    fork_rate: int = 8000
    """Samples a second of it: 8000 or 16000."""


@dataclass(slots=True)
class TapRows:
    """What arrived for recorded tracks in one tick; n rows, in order of arrival."""

    slot: npt.NDArray[np.int32]
    """(n,) index of the recording, as `Tap.open` returned it."""
    track: npt.NDArray[np.uint8]
    """(n,) 0 to 7."""
    ssrc: npt.NDArray[np.uint32]
    timestamp: npt.NDArray[np.uint32]
    """(n,) RTP timestamp, 8,000 a second."""
    arrival: npt.NDArray[np.float64]
    """(n,) monotonic seconds."""
    law: npt.NDArray[np.uint8]
    """(n,) 0 for µ-law, 8 for A-law: the static payload type of RFC 3551."""
    length: npt.NDArray[np.int32]
    """(n,) bytes of payload that count in each row of `payload`."""
    payload: npt.NDArray[np.uint8]
    """(n, width) payload bytes, padded at the right."""


@value
class RecordingReport:
    recording: RecordingId
    state: str
    """`ended`, `failed` (the disk said no: `problem` says what; the call goes on) or `limit` (max_s reached)."""
    seconds: float
    gaps: int
    """Stretches filled with silence because packets were missing, both tracks together, or the disk was too slow."""
    gap_s: float
    problem: str


class Tap(Protocol):
    """What the worker needs of a recorder. Runs inside the worker, never blocks longer than one batched write."""

    def open(self, spec: RecordingSpec, now: float) -> int:
        """Begin a recording and return its slot; raises OSError when the file cannot be made."""

    def append(self, rows: TapRows) -> None:
        """Take one tick's rows; copies what it keeps."""

    def pause(self, slot: int, paused: bool, now: float, *, masked: bool = False) -> None:
        """Silence instead of what is said, keeping the timeline. Pause and mask are two switches of their own."""

    def party(self, slot: int, track: int, name: str, now: float) -> None:
        """From now on `track` is this party's; an empty name: nobody's."""

    def mark(self, slot: int, kind: str, text: str, now: float) -> None:
        """An entry of the side file at this moment."""

    def keep(self, slot: int, now: float) -> None:
        """Write a recording that was only armed; what is wrong with the disk is told by the next `flush`."""

    def close(self, slot: int, now: float) -> RecordingReport:
        """End a recording: everything on disk, header final, file closed."""

    def flush(self, now: float) -> list[RecordingReport]:
        """Called at least four times a second: writes what has settled, patches headers, reports what ended by itself."""
