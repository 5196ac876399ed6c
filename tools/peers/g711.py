"""G.711 µ-law and A-law by table, written from the recommendation and not from the product's own tables.

Also frames: 160-byte payloads of audio, of speech files and of noise in which no two packets are alike.
"""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
PCMU, PCMA = 0, 8
FRAME = 160


def _decode_mu(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 0x07)
    return 0x84 - magnitude if code & 0x80 else magnitude - 0x84


def _decode_a(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = (code >> 4) & 0x07, code & 0x0F
    magnitude = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude


def _encode_table(decode: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    """The nearest code of each of the 65,536 samples."""
    order = np.argsort(decode, kind="stable")
    levels = decode[order].astype(np.int32)
    borders = (levels[:-1] + levels[1:]) / 2
    samples = np.arange(-32768, 32768)
    table = order[np.searchsorted(borders, samples)].astype(np.uint8)
    return np.concatenate([table[32768:], table[:32768]])


DECODE = {
    PCMU: np.array([_decode_mu(code) for code in range(256)], dtype=np.int16),
    PCMA: np.array([_decode_a(code) for code in range(256)], dtype=np.int16),
}
ENCODE = {law: _encode_table(table) for law, table in DECODE.items()}


def decode(payload: bytes, law: int = PCMU) -> Samples:
    return DECODE[law][np.frombuffer(payload, dtype=np.uint8)]


def encode(samples: Samples, law: int = PCMU) -> bytes:
    return ENCODE[law][samples.view(np.uint16)].tobytes()


def frames(samples: Samples, law: int = PCMU) -> list[bytes]:
    """Payloads of 20 ms; the last is filled up with silence."""
    padded = np.concatenate([samples, np.zeros(-len(samples) % FRAME, dtype=np.int16)])
    coded = encode(padded, law)
    return [coded[at : at + FRAME] for at in range(0, len(coded), FRAME)]


def unique_frames(count: int, seed: int) -> list[bytes]:
    """Noise of which no two frames are alike: whoever hears them can tell loss, order, doubling and any changed bit."""
    noise = np.random.default_rng(seed).integers(0, 256, (count, FRAME), dtype=np.uint8)
    noise[:, :4] = np.arange(count, dtype=">u4").view(np.uint8).reshape(count, 4)
    return [row.tobytes() for row in noise]


def read_wav(path: Path) -> npt.NDArray[np.int16]:
    """(samples, channels) of a WAV file: PCM of 8 or 16 bits through Python's `wave`, G.711 by walking the chunks."""
    try:
        with wave.open(str(path), "rb") as file:
            raw, width, channels = (
                file.readframes(file.getnframes()),
                file.getsampwidth(),
                file.getnchannels(),
            )
    except wave.Error as problem:
        if "unknown format" not in str(problem):
            raise
        return _read_g711_wav(path)
    if width == 1:
        samples = ((np.frombuffer(raw, dtype=np.uint8).astype(np.int16) - 128) << 8).astype(np.int16)
    else:
        samples = np.frombuffer(raw, dtype="<i2").astype(np.int16)
    return samples[: len(samples) // channels * channels].reshape(-1, channels)


def _read_g711_wav(path: Path) -> npt.NDArray[np.int16]:
    data, at, law, channels = path.read_bytes(), 12, PCMU, 1
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            law = PCMU if int.from_bytes(body[:2], "little") == 7 else PCMA
            channels = int.from_bytes(body[2:4], "little")
        if name == b"data":
            samples = decode(body, law)
            return samples[: len(samples) // channels * channels].reshape(-1, channels)
        at += 8 + size + size % 2
    raise ValueError(f"{path} has no data chunk")


def write_wav(path: Path, samples: Samples, *, width: int = 2, rate: int = 8000) -> Path:
    """Mono PCM of 16 bits, or of 8 unsigned bits with `width=1`."""
    raw = samples.astype("<i2").tobytes() if width == 2 else ((samples >> 8) + 128).astype(np.uint8).tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)
    return path
