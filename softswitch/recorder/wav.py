"""RIFF/WAVE headers (IBM/Microsoft 1991; `fact` as RFC 2361 and the Multimedia Data Standards Update of 1994 ask of all
formats that are not PCM): PCM 16 bit (1), A-law (6), µ-law (7), at 8,000 Hz.

Owns sizes and bytes, no files. A header is of fixed length, so patching it is writing it again at the same place.
"""

import struct
from dataclasses import dataclass

RATE = 8000
FORMATS = {"PCM16": 1, "PCMA": 6, "PCMU": 7}
_ENCODINGS = {number: name for name, number in FORMATS.items()}
LONGEST_DATA = 0xFFFF_FFFF - 64
"""RIFF counts bytes in 32 bits."""
LONGEST_HEADER = 58


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
        data = frames * self.frame_bytes
        sample_bytes = self.frame_bytes // self.channels
        fmt = struct.pack(
            "<HHIIHH",
            FORMATS[self.encoding],
            self.channels,
            RATE,
            RATE * self.frame_bytes,
            self.frame_bytes,
            sample_bytes * 8,
        )
        fact = b""
        if self.encoding != "PCM16":
            fmt += b"\0\0"
            fact = struct.pack("<4sII", b"fact", 4, frames)
        chunks = struct.pack("<4sI", b"fmt ", len(fmt)) + fmt + fact + struct.pack("<4sI", b"data", data)
        return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks) + data + (data & 1), b"WAVE") + chunks


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
    if number not in _ENCODINGS or channels not in (1, 2) or rate != RATE:
        return None
    format = WavFormat(encoding=_ENCODINGS[number], channels=channels)
    at = format.header_bytes - 8
    if len(header) < at + 8 or header[at : at + 4] != b"data":
        return None
    wav = Wav(format=format, frames=int.from_bytes(header[at + 4 : at + 8], "little") // format.frame_bytes)
    return wav if format.header(wav.frames) == header[: format.header_bytes] else None
