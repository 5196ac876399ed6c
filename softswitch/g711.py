"""G.711 as tables (ITU-T G.711; payload types 0 and 8 of RFC 3551): decoding, encoding, translation.

Owns no audio and no packets: every conversion of the switch is one numpy `take` from here. Encoding and
decoding follow the segments of the recommendation as every soft implementation does, from 14 bit (µ-law)
and 13 bit (A-law) values held at the top of 16 bit. The translations go through the linear value.
"""

from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

PCMU: Final = 0
"""Static payload type of µ-law."""
PCMA: Final = 8
"""Static payload type of A-law."""
SILENCE: Final = MappingProxyType({PCMU: 0xFF, PCMA: 0xD5})
"""The byte of either law that stands for silence."""

_ULAW_BIAS = 33
_ULAW_LARGEST = 8191


def _frozen_i16(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    table = values.astype(np.int16)
    table.setflags(write=False)
    return table


def _frozen_u8(values: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    table = values.astype(np.uint8)
    table.setflags(write=False)
    return table


def _decode_ulaw() -> npt.NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.int64) & 0xFF
    magnitude = ((((code & 0x0F) << 1) + _ULAW_BIAS) << (code >> 4 & 7)) - _ULAW_BIAS
    return _frozen_i16(np.where(code & 0x80, -magnitude, magnitude) << 2)


def _decode_alaw() -> npt.NDArray[np.int16]:
    code = np.arange(256, dtype=np.int64) ^ 0x55
    segment = code >> 4 & 7
    magnitude = ((code & 0x0F) << 1) + 1 + np.where(segment > 0, 32, 0) << np.maximum(segment - 1, 0)
    return _frozen_i16(np.where(code & 0x80, magnitude, -magnitude) << 3)


def _linear() -> npt.NDArray[np.int64]:
    """The 65,536 linear values in the order of their bits as an unsigned index."""
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int64)


def _encode_ulaw() -> npt.NDArray[np.uint8]:
    value = _linear() >> 2
    magnitude = np.minimum(np.abs(value) + _ULAW_BIAS, _ULAW_LARGEST)
    segment = np.searchsorted(np.array([0x3F << shift | (1 << shift) - 1 for shift in range(8)]), magnitude)
    code = segment << 4 | magnitude >> segment + 1 & 0x0F
    return _frozen_u8(code ^ np.where(value < 0, 0x7F, 0xFF))


def _encode_alaw() -> npt.NDArray[np.uint8]:
    value = _linear() >> 3
    magnitude = np.where(value < 0, -value - 1, value)
    segment = np.searchsorted(np.array([0x1F << shift | (1 << shift) - 1 for shift in range(8)]), magnitude)
    code = segment << 4 | magnitude >> np.maximum(segment, 1) & 0x0F
    return _frozen_u8(code ^ np.where(value < 0, 0x55, 0xD5))


DECODE_ULAW: Final = _decode_ulaw()
"""256 × int16, indexed by the µ-law byte."""
DECODE_ALAW: Final = _decode_alaw()
"""256 × int16, indexed by the A-law byte."""
ENCODE_ULAW: Final = _encode_ulaw()
"""65,536 × uint8, indexed by the int16 sample viewed as uint16."""
ENCODE_ALAW: Final = _encode_alaw()
"""65,536 × uint8, indexed by the int16 sample viewed as uint16."""
ULAW_TO_ALAW: Final = _frozen_u8(ENCODE_ALAW[DECODE_ULAW.view(np.uint16)].astype(np.int64))
"""256 × uint8."""
ALAW_TO_ULAW: Final = _frozen_u8(ENCODE_ULAW[DECODE_ALAW.view(np.uint16)].astype(np.int64))
"""256 × uint8."""
DECODE: Final = MappingProxyType({PCMU: DECODE_ULAW, PCMA: DECODE_ALAW})
"""The decoding table of a payload type."""
ENCODE: Final = MappingProxyType({PCMU: ENCODE_ULAW, PCMA: ENCODE_ALAW})
"""The encoding table of a payload type."""
