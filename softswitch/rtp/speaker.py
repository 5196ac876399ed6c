"""What one leg says into a mix: its packets, and comfort noise while it pauses (RFC 3389), as samples of the mix's rate."""

import numpy as np
import numpy.typing as npt

from softswitch.codec import Codec
from softswitch.rtp.intake import Intake


class Speaker:
    def __init__(self, codec: Codec, format_parameters: str, rate: int) -> None:
        """Raises CodecMissing."""
        self._made_of = codec, format_parameters, rate
        self._intake = Intake(*self._made_of)
        self._ssrc: int | None = None

    def is_for(self, codec: Codec, format_parameters: str, rate: int) -> bool:
        return self._made_of == (codec, format_parameters, rate)

    def put(self, ssrc: int, sequence: int, timestamp: int, payload: bytes, now: float) -> None:
        """A packet; another stream of the same peer begins with a fresh decoder."""
        if ssrc != self._ssrc:
            if self._ssrc is not None:
                self._intake = Intake(*self._made_of)
            self._ssrc = ssrc
        self._intake.put(sequence, timestamp, payload, now)

    def put_noise(self, payload: bytes) -> None:
        """A packet of comfort noise: its first byte is the level in dB below overload."""
        if payload:
            self._intake.put_noise(payload[0] & 0x7F)

    def read(self, count: int, now: float) -> npt.NDArray[np.int16]:
        return self._intake.read(count, now)
