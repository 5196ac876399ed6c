"""The ear of a mix for one leg: its packets in, evenly flowing samples of the mix's rate out.

Jitter buffer, decoder, loss concealment and resampler in one row. A payload that cannot be decoded is concealed like a lost
one. Comfort noise (RFC 3389) is heard while the stream pauses.
"""

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch.codec import Codec
from softswitch.rtp.codecs import CodecError, decoder
from softswitch.rtp.concealment import Concealment
from softswitch.rtp.jitter_buffer import JitterBuffer, Nothing
from softswitch.rtp.resampler import Resampler

SMALLEST_NOISE_DBOV: Final = 40
"""Louder noise than this is not believed."""
_NOISE: Final = np.random.Generator(np.random.PCG64(3389)).standard_normal(16000).astype(np.float32)
_STEP_S: Final = 0.01
"""What is concealed at a time before the length of the stream's packets is known, and at least: a peer whose packets hold
one sample each must not have each of its losses concealed one by one."""

Samples = npt.NDArray[np.int16]


class Intake:
    def __init__(self, codec: Codec, format_parameters: str, rate: int) -> None:
        """`rate`: samples a second that `read` gives. Raises CodecMissing."""
        self._decoder = decoder(codec, format_parameters)
        self._buffer = JitterBuffer(codec.clock)
        self._concealment = Concealment(self._decoder.rate)
        self._resampler = Resampler(self._decoder.rate, rate)
        self._least = self._frame = round(_STEP_S * self._decoder.rate)
        self._ready: deque[Samples] = deque()
        self._count = 0
        self._noise_level = 0.0
        self._noise_at = 0
        self.undecodable = 0

    @property
    def late(self) -> int:
        """Packets that came when their moment was over."""
        return self._buffer.late

    @property
    def lost(self) -> int:
        return self._buffer.lost

    def put(self, sequence: int, timestamp: int, payload: bytes, now: float) -> None:
        self._noise_level = 0.0
        self._buffer.put(sequence, timestamp, payload, now)

    def put_noise(self, level_dbov: int) -> None:
        """The peer pauses with noise of so many dB below overload (RFC 3389 section 3)."""
        self._noise_level = 32768 * 10 ** (-max(SMALLEST_NOISE_DBOV, min(level_dbov, 127)) / 20)

    def read(self, count: int, now: float) -> Samples:
        """The next `count` samples."""
        while self._count < count:
            made = self._resampler.process(self._step(now))
            self._ready.append(made)
            self._count += len(made)
        self._count -= count
        parts: list[Samples] = []
        while count:
            part = self._ready.popleft()
            if len(part) > count:
                self._ready.appendleft(part[count:])
                part = part[:count]
            parts.append(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _step(self, now: float) -> Samples:
        """Samples of one packet's time, at the decoder's rate."""
        found = self._buffer.next(now)
        if isinstance(found, Nothing):
            if found is Nothing.SILENT:
                return self._pause()
            if found is Nothing.DRY and self._concealment.exhausted:
                self._buffer.rest()
                return self._pause()
            return self._concealment.conceal(self._frame)
        try:
            samples = self._decoder.decode(found)
        except CodecError:
            self.undecodable += 1
            return self._concealment.conceal(self._frame)
        if len(samples):
            self._frame = max(len(samples), self._least)
        return self._concealment.good(samples)

    def _pause(self) -> Samples:
        size = self._least
        if not self._noise_level:
            return np.zeros(size, np.int16)
        at = (self._noise_at + np.arange(size)) % len(_NOISE)
        self._noise_at = int(at[-1]) + 1
        return (_NOISE[at] * self._noise_level).astype(np.int16)
