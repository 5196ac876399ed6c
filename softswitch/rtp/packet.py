"""RTP packets as rows of a byte array (RFC 3550 section 5.1): the header as a numpy record, checked for many at once.

Owns what a row looks like and which rows are RTP at all. Contributing sources, a header extension and padding are taken
off in place, so that after `parse` every good row is a plain twelve-byte header followed by its payload.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

WIDTH: Final = 512
"""Bytes of a row: 60 ms of G.711 with room for an extension. Longer datagrams are no media of ours."""
HEADER_BYTES: Final = 12
PLAIN: Final = 0x80
"""First byte of version 2 without padding, extension and contributing sources."""
HEADER: Final = np.dtype(
    [("first", "u1"), ("second", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")]
)
MARKER: Final = 0x80
"""Bit of `second`; the other seven are the payload type."""

_PADDING, _EXTENSION, _CSRC_COUNT = 0x20, 0x10, 0x0F
_COLUMNS: Final = np.arange(WIDTH)

Rows = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.intp]


@dataclass(slots=True)
class Parsed:
    """One entry for each row."""

    header: npt.NDArray[np.void]
    """(n,) view of `HEADER` on the rows."""
    valid: npt.NDArray[np.bool_]
    payload: npt.NDArray[np.int32]
    """(n,) bytes after the header; 0 where not valid."""


def parse(rows: Rows, length: npt.NDArray[np.int32]) -> Parsed:
    """Check `rows` (n, WIDTH), of which `length` bytes each were received, and make the good ones plain."""
    header = rows[:, :HEADER_BYTES].view(HEADER)[:, 0]
    valid = (header["first"] == PLAIN) & (length >= HEADER_BYTES) & (length <= WIDTH)
    payload = length - np.int32(HEADER_BYTES)
    if not valid.all():
        odd = np.flatnonzero(~valid)
        payload[odd] = 0
        _straighten(rows, length, odd, valid, payload)
    return Parsed(header, valid, payload)


def _straighten(
    rows: Rows,
    length: npt.NDArray[np.int32],
    odd: Indices,
    valid: npt.NDArray[np.bool_],
    payload: npt.NDArray[np.int32],
) -> None:
    """Judge the rows `odd`, which are not plain; the good ones become plain and `valid`, with their `payload` set."""
    size = length[odd].astype(np.intp)
    odd, size = odd[(size >= HEADER_BYTES) & (size <= WIDTH)], size[(size >= HEADER_BYTES) & (size <= WIDTH)]
    first = rows[odd, 0].astype(np.intp)
    start = HEADER_BYTES + 4 * (first & _CSRC_COUNT)
    extended = (first & _EXTENSION) != 0
    good = (first >> 6 == 2) & (start + 4 * extended <= size)
    at = np.where(good & extended, start, 0)
    words = rows[odd, at + 2].astype(np.intp) << 8 | rows[odd, at + 3]
    start = start + np.where(extended, 4 + 4 * words, 0)
    good &= start <= size
    padded = (first & _PADDING) != 0
    padding = np.where(padded, rows[odd, size - 1], 0)
    good &= (start + padding <= size) & ~(padded & (padding == 0))
    odd, start, count = odd[good], start[good], (size - start - padding)[good]
    if not odd.size:
        return
    columns = np.minimum(start[:, None] + _COLUMNS[: WIDTH - HEADER_BYTES], WIDTH - 1)
    rows[odd, HEADER_BYTES:] = rows[odd[:, None], columns]
    rows[odd, 0] = PLAIN
    valid[odd] = True
    payload[odd] = count
