"""RIFF/WAVE headers (IBM/Microsoft 1991; `fact` as RFC 2361 and the Multimedia Data Standards Update of 1994 ask of all
formats that are not PCM): PCM 16 bit (1), A-law (6), µ-law (7), at 8,000 Hz.

Owns sizes and bytes, no files. A header is of fixed length, so patching it is writing it again at the same place.
"""

import struct
from dataclasses import dataclass
from functools import cache

RATE = 8000
FORMATS = {"PCM16": 1, "PCMA": 6, "PCMU": 7}
_ENCODINGS = {number: name for name, number in FORMATS.items()}
LONGEST_DATA = 0xFFFF_FFFF - 64
"""RIFF counts bytes in 32 bits."""
LONGEST_HEADER = 58
MOST_CHANNELS = 8
"""Files of more than two channels are plain ones too, which all readers take; which track is whose tells the side file."""
_U32 = struct.Struct("<I").pack


@dataclass(frozen=True, slots=True, kw_only=True)
class WavFormat:
    encoding: str
    """`PCMU`, `PCMA` or `PCM16`."""
    channels: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * (2 if self.encoding == "PCM16" else 1)

    @property
    def header_bytes(self) -> int:
        return 44 if self.encoding == "PCM16" else 58

    def header(self, frames: int) -> bytes:
        """The whole header of a file that holds `frames`; data of odd size is followed by one byte that does not count."""
        return _header(self.encoding, self.channels, frames)


def _header(encoding: str, channels: int, frames: int) -> bytes:
    head, fact, size = _template(encoding, channels)
    data = frames * size
    riff = len(head) + (12 if fact else 0) + 8 + data + (data & 1)
    if fact:
        return b"".join((b"RIFF", _U32(riff), head, fact, _U32(frames), b"data", _U32(data)))
    return b"".join((b"RIFF", _U32(riff), head, b"data", _U32(data)))


@cache
def _template(encoding: str, channels: int) -> tuple[bytes, bytes, int]:
    """What no length changes: `WAVE` with the `fmt ` chunk, the head of the `fact` chunk, bytes of a frame."""
    sample_bytes = 2 if encoding == "PCM16" else 1
    size = channels * sample_bytes
    fmt = struct.pack("<HHIIHH", FORMATS[encoding], channels, RATE, RATE * size, size, sample_bytes * 8)
    if encoding == "PCM16":
        return b"WAVE" + struct.pack("<4sI", b"fmt ", len(fmt)) + fmt, b"", size
    fmt += b"\0\0"
    return b"WAVE" + struct.pack("<4sI", b"fmt ", len(fmt)) + fmt, struct.pack("<4sI", b"fact", 4), size


@dataclass(frozen=True, slots=True, kw_only=True)
class Wav:
    """What the header of a file of ours says."""

    format: WavFormat
    frames: int

    @property
    def seconds(self) -> float:
        return self.frames / RATE


def parse(header: bytes) -> Wav | None:
    """The header at the beginning of a file, if it is one that `WavFormat.header` made."""
    if len(header) < 44 or header[:4] != b"RIFF" or header[8:16] != b"WAVEfmt ":
        return None
    number, channels, rate = struct.unpack_from("<HHI", header, 20)
    if number not in _ENCODINGS or not 1 <= channels <= MOST_CHANNELS or rate != RATE:
        return None
    format = WavFormat(encoding=_ENCODINGS[number], channels=channels)
    at = format.header_bytes - 8
    if len(header) < at + 8 or header[at : at + 4] != b"data":
        return None
    wav = Wav(format=format, frames=int.from_bytes(header[at + 4 : at + 8], "little") // format.frame_bytes)
    return wav if format.header(wav.frames) == header[: format.header_bytes] else None
