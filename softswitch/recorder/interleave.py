"""From pieces of the timeline to the bytes of WAV data: channels side by side, decoded where PCM is wanted.

Each function does one piece for all recordings of one form at once; a row of the result is one recording's block.
"""

import numpy as np
import numpy.typing as npt

from softswitch.g711 import DECODE_ALAW, DECODE_ULAW, ENCODE_ALAW, ENCODE_ULAW
from softswitch.recorder.silences import FILLED

Bytes = npt.NDArray[np.uint8]
_ULAW_FILLED, _ALAW_FILLED = 1, 2
_DECODE = np.concatenate([DECODE_ULAW, DECODE_ALAW]).astype("<i2")
"""µ-law, then A-law."""


def g711(audio: Bytes, channels: int) -> Bytes:
    """(recordings, tracks, samples) to (recordings, bytes)."""
    if channels == 1:
        return np.ascontiguousarray(audio[:, 0])
    if channels > 2:
        return np.ascontiguousarray(audio[:, :channels].transpose(0, 2, 1)).reshape(len(audio), -1)
    # One 16-bit word holds a byte of each channel: shifting and joining is twice as fast as a copy with a stride.
    words = audio[:, 1].astype("<u2")
    words <<= 8
    words |= audio[:, 0]
    return words.view(np.uint8)


def pcm16(audio: Bytes, filled: Bytes, channels: int) -> Bytes:
    """The same, each sample decoded by the law that it came in; a hole is silence."""
    index = audio[:, :channels].astype(np.uint16)
    index += (filled[:, :channels] == _ALAW_FILLED).astype(np.uint16) << 8
    samples = _DECODE[index]
    return np.ascontiguousarray(samples.transpose(0, 2, 1)).reshape(len(audio), -1).view(np.uint8)


def gather(audio: Bytes, rows: npt.NDArray[np.int64]) -> Bytes:
    """Pairs of tracks that lie in several rows of a piece, (recordings, rows), to (recordings, tracks, samples)."""
    return audio[rows].reshape(len(rows), rows.shape[1] * 2, -1)


def share_last(audio: Bytes, filled: Bytes, channels: int, encoding: str) -> None:
    """Add the tracks that have no channel to the last one, in place; (recordings, tracks, samples)."""
    for recording in np.flatnonzero((filled[:, channels:] % FILLED).any(axis=(1, 2))).tolist():
        tracks, kinds = audio[recording, channels - 1 :], filled[recording, channels - 1 :]
        alaw = kinds == _ALAW_FILLED if encoding == "PCM16" else np.full(kinds.shape, encoding == "PCMA")
        samples = _DECODE[tracks.astype(np.uint16) + (alaw.astype(np.uint16) << 8)].astype(np.int32)
        samples[kinds % FILLED == 0] = 0
        total = np.clip(samples.sum(axis=0), -32768, 32767).astype(np.int16).view(np.uint16)
        heard = (kinds % FILLED).any(axis=0)
        law = ENCODE_ALAW if encoding == "PCMA" else ENCODE_ULAW
        audio[recording, channels - 1][heard] = law[total[heard]]
        if encoding == "PCM16":
            filled[recording, channels - 1][heard] = _ULAW_FILLED
