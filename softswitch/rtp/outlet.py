"""The mouth of a leg: samples of any rate that is used here in, one packet's payload of the leg's codec out.

One for each leg that hears something made here in a codec that is not G.711, or at another rate than 8 kHz; its encoder
goes on over music, prompts and mixes, so that nothing clicks between them.
"""

import numpy as np
import numpy.typing as npt

from softswitch.codec import Codec
from softswitch.rtp import codecs
from softswitch.rtp.prompt import SAMPLE_RATE
from softswitch.rtp.resampler import Resampler

Samples = npt.NDArray[np.int16]


class Outlet:
    def __init__(self, codec: Codec, ptime_ms: int, format_parameters: str) -> None:
        """Raises CodecMissing."""
        self._encoder = codecs.encoder(codec, ptime_ms, format_parameters)
        self._from: dict[int, Resampler] = {}
        self._prompts: dict[int, Resampler] = {}

    def encode(self, samples: Samples, rate: int) -> bytes:
        """The payload of one packet time of samples."""
        if rate != self._encoder.rate:
            if rate not in self._from:
                self._from[rate] = Resampler(rate, self._encoder.rate)
            samples = self._from[rate].process(samples)
        return self._encoder.encode(samples)

    def prompt_at(self, rate: int, samples: Samples) -> Samples:
        """Part of a prompt at the rate of the mix that it is added to."""
        if rate == SAMPLE_RATE:
            return samples
        if rate not in self._prompts:
            self._prompts[rate] = Resampler(SAMPLE_RATE, rate)
        return self._prompts[rate].process(samples)


def why_silent(codec: Codec) -> str:
    """Why nothing can be made here for a leg of this codec; empty when it can."""
    if not codec.encodes:
        return (
            f"{codec.name} is relayed and decoded here, never made: the leg hears nothing that is made here"
        )
    return "" if codecs.available(codec) else f"{codec.name} needs the package av"
