"""Decoders and encoders of one stream each, behind one small surface: a packet's payload in, 16-bit samples out.

G.711 and L16 (RFC 3551) are arithmetic; G.722, Opus (RFC 7587) and G.729 are libavcodec's, through `av`, which is an
optional dependency: without it these three can be relayed, and nothing else. For G.711 legs in great number the tables of
`softswitch.g711` are used directly; these classes serve where a leg has samples of its own.

A G.729 payload is any number of 10-byte frames, perhaps with a 2-byte silence descriptor at its end (annex B), which is
heard as silence: libavcodec has annex A only.
"""

from fractions import Fraction
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from softswitch import g711
from softswitch.codec import Codec
from softswitch.errors import MediaError, PeerError
from softswitch.rtp.resampler import Resampler

try:
    import av
except ImportError:
    av = None  # type: ignore[assignment]

Samples = npt.NDArray[np.int16]

MAX_PAYLOAD_MS: Final = 120
"""Longest packet of Opus; what decodes to more is cut."""
OPUS_CLOCK: Final = 48000
OPUS_BIT_RATE: Final = 24000
OPUS_COMPLEXITY: Final = "2"
"""Of 0 to 10: a frame of speech costs 0.25 ms instead of 0.45 at the library's default, which tells at music only."""
_G729_FRAME, _G729_SAMPLES, _G729_NOISE = 10, 80, 2
_LAWS = {"PCMU": g711.PCMU, "PCMA": g711.PCMA}
_OPUS_PTIMES = (10, 20, 40, 60)


class CodecError(PeerError):
    """A payload that is none of its codec."""


class CodecMissing(MediaError):
    """A codec that cannot be decoded or encoded by this installation, or by anybody here."""


class Decoder(Protocol):
    rate: int
    """Samples in a second."""

    def decode(self, payload: bytes) -> Samples:
        """The samples of one packet, in order of the stream; raises CodecError."""


class Encoder(Protocol):
    rate: int

    def encode(self, samples: Samples) -> bytes:
        """One packet of as many samples as the packet time that was asked for has."""


def available(codec: Codec) -> bool:
    """Whether this installation can decode it."""
    return av is not None or codec.name in _LAWS or codec.name == "L16"


def ptime(codec: Codec, wanted_ms: int) -> int:
    """The packet time nearest to `wanted_ms` that the codec's encoder can make, the shorter of two."""
    if codec.name != "opus":
        return wanted_ms
    return min(_OPUS_PTIMES, key=lambda each: (abs(each - wanted_ms), each))


def decoder(codec: Codec, format_parameters: str = "") -> Decoder:
    """Raises CodecMissing."""
    if codec.name in _LAWS:
        return _G711Decoder(_LAWS[codec.name])
    if codec.name == "L16":
        return _L16(codec.rate)
    if not available(codec):
        raise CodecMissing(f"{codec.name} needs the package av (pip install 'softswitch[codecs]')")
    match codec.name:
        case "G722":
            return _G722Decoder()
        case "opus":
            return _OpusDecoder(codec.rate)
        case "G729":
            return _G729Decoder()
        case _:
            raise CodecMissing(f"{codec.name} cannot be decoded")


def encoder(codec: Codec, ptime_ms: int, format_parameters: str = "") -> Encoder:
    """`ptime_ms` is one that `ptime` gives; `format_parameters` are the peer's (RFC 7587 section 6.1). Raises
    CodecMissing.
    """
    if codec.name in _LAWS:
        return _G711Encoder(_LAWS[codec.name])
    if codec.name == "L16":
        return _L16(codec.rate)
    if not codec.encodes:
        raise CodecMissing(f"{codec.name} is relayed and decoded here, never made")
    if not available(codec):
        raise CodecMissing(f"{codec.name} needs the package av (pip install 'softswitch[codecs]')")
    samples = codec.rate * ptime_ms // 1000
    if codec.name == "G722":
        return _AvEncoder("g722", codec.rate, samples, {"frame_size": str(samples)}, None)
    if codec.name == "opus":
        options = {"application": "voip", "frame_duration": str(ptime_ms)}
        options["compression_level"] = OPUS_COMPLEXITY
        if _parameter(format_parameters, "useinbandfec") == 1:
            options |= {"fec": "1", "packet_loss": "5"}
        if _parameter(format_parameters, "cbr") == 1:
            options |= {"vbr": "off"}
        most = _parameter(format_parameters, "maxaveragebitrate") or OPUS_BIT_RATE
        return _AvEncoder("libopus", codec.rate, samples, options, max(6000, min(most, OPUS_BIT_RATE)))
    raise CodecMissing(f"{codec.name} cannot be encoded")


def _parameter(format_parameters: str, name: str) -> int:
    """A number among `a=b;c=d`; 0 when it is absent or none."""
    for item in format_parameters.split(";", 32):
        key, _, value = item.partition("=")
        value = value.strip(" ")
        if key.strip(" ").lower() == name and value.isascii() and value.isdigit() and len(value) < 8:
            return int(value)
    return 0


class _G711Decoder:
    rate = 8000

    def __init__(self, law: int) -> None:
        self._table = g711.DECODE_ALAW if law == g711.PCMA else g711.DECODE_ULAW

    def decode(self, payload: bytes) -> Samples:
        return self._table[np.frombuffer(payload, np.uint8)]


class _G711Encoder:
    rate = 8000

    def __init__(self, law: int) -> None:
        self._table = g711.ENCODE_ALAW if law == g711.PCMA else g711.ENCODE_ULAW

    def encode(self, samples: Samples) -> bytes:
        return self._table[samples.view(np.uint16)].tobytes()


class _L16:
    """Big-endian samples (RFC 3551 section 4.5.11)."""

    def __init__(self, rate: int) -> None:
        self.rate = rate

    def decode(self, payload: bytes) -> Samples:
        if len(payload) % 2:
            raise CodecError("half a sample of L16")
        return np.frombuffer(payload, ">i2").astype(np.int16)

    def encode(self, samples: Samples) -> bytes:
        return samples.astype(">i2").tobytes()


class _AvDecoder:
    """One libavcodec decoder; mono."""

    def __init__(self, name: str, rate: int) -> None:
        context: Any = av.CodecContext.create(name, "r")
        context.sample_rate, context.layout = rate, "mono"
        context.open()
        self._context = context
        self._most = rate * MAX_PAYLOAD_MS // 1000

    def decode(self, payload: bytes) -> Samples:
        try:
            frames = self._context.decode(av.Packet(payload)) if payload else []
        except (av.FFmpegError, ValueError) as error:
            raise CodecError(f"libavcodec: {error}") from error
        parts = [np.frombuffer(frame.planes[0], np.int16, frame.samples) for frame in frames]
        return np.concatenate(parts)[: self._most] if parts else np.zeros(0, np.int16)


class _G722Decoder(_AvDecoder):
    rate = 16000

    def __init__(self) -> None:
        super().__init__("g722", self.rate)


class _G729Decoder(_AvDecoder):
    rate = 8000

    def __init__(self) -> None:
        super().__init__("g729", self.rate)

    def decode(self, payload: bytes) -> Samples:
        speech = len(payload) - len(payload) % _G729_FRAME
        rest = len(payload) - speech
        if rest not in (0, _G729_NOISE):
            raise CodecError(f"{len(payload)} bytes are no frames of G.729")
        decoded = super().decode(payload[:speech])
        if not rest:
            return decoded
        return np.concatenate([decoded, np.zeros(_G729_SAMPLES, np.int16)])


class _OpusDecoder(_AvDecoder):
    """Decodes at the clock of RTP and comes down to the rate that is used here."""

    def __init__(self, rate: int) -> None:
        super().__init__("libopus", OPUS_CLOCK)
        self.rate = rate
        self._down = Resampler(OPUS_CLOCK, rate)

    def decode(self, payload: bytes) -> Samples:
        return self._down.process(super().decode(payload))


class _AvEncoder:
    """One libavcodec encoder whose frame is the packet."""

    def __init__(
        self, name: str, rate: int, samples: int, options: dict[str, str], bit_rate: int | None
    ) -> None:
        context: Any = av.CodecContext.create(name, "w")
        context.sample_rate, context.layout, context.format = rate, "mono", "s16"
        context.time_base = Fraction(1, rate)
        context.options = options
        if bit_rate is not None:
            context.bit_rate = bit_rate
        context.open()
        if context.frame_size != samples:
            raise CodecMissing(f"{name} makes no packets of {samples} samples")
        self.rate = rate
        self._context = context
        self._frame = av.AudioFrame(format="s16", layout="mono", samples=samples)
        self._frame.sample_rate, self._frame.time_base = rate, Fraction(1, rate)
        self._made = 0
        self._samples = samples

    def encode(self, samples: Samples) -> bytes:
        if len(samples) != self._samples:
            raise ValueError(f"{len(samples)} samples, {self._samples} make a packet")
        self._frame.planes[0].update(samples.tobytes())
        self._frame.pts = self._made
        self._made += self._samples
        return b"".join(bytes(packet) for packet in self._context.encode(self._frame))
