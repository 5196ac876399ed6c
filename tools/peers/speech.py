"""Sentences spoken by espeak-ng, and the question whether a recording holds them.

The comparison cuts the sentence into windows, correlates each with all that was heard (normalised, by FFT) and lets
them vote on one delay. A window is short enough to survive frames lost or played twice between windows, and the vote makes
a different sentence of the same voice score low, although single vowels of it fit well.
"""

import hashlib
import subprocess
import tempfile
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tools.peers.g711 import Samples

RATE = 8000
HEARD = 0.6
"""Score from which a sentence counts as heard; the tests of this file show the distance to either side."""

_WINDOW = RATE * 3 // 10
_BIN = RATE // 100
_DRIFT = 0.015

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Match:
    score: float
    """0 (nothing in common) to 1 (the same samples)."""
    delay_s: float
    """Where in what was heard the reference begins."""
    gain: float
    """Loudness of what was heard against the reference."""


@lru_cache(maxsize=64)
def _spoken(text: str, voice: str, words_a_minute: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = ["espeak-ng", "-v", voice, "-s", str(words_a_minute), "-w", str(path), "--stdin"]
        subprocess.run(command, input=text.encode(), check=True, timeout=20, capture_output=True)
        with wave.open(str(path), "rb") as file:
            rate, raw = file.getframerate(), file.readframes(file.getnframes())
    return resample(np.frombuffer(raw, dtype="<i2").astype(np.int16), rate).tobytes()


def speak(text: str, *, voice: str = "en", words_a_minute: int = 160) -> Samples:
    """What espeak-ng makes of a text, at 8 kHz."""
    return np.frombuffer(_spoken(text, voice, words_a_minute), dtype=np.int16)


def sentence(number: int, *, voice: str = "en") -> Samples:
    """A sentence unlike those of other numbers, of about four seconds."""
    digest = hashlib.sha256(str(number).encode()).digest()
    words = [_WORDS[byte % len(_WORDS)] for byte in digest[:8]]
    return speak(" ".join(words), voice=voice)


_WORDS = (
    "amber", "bridge", "candle", "dragon", "engine", "forest", "garden", "harbour",
    "island", "jacket", "kitchen", "ladder", "mountain", "needle", "orange", "pepper",
    "quarter", "river", "silver", "tunnel", "umbrella", "valley", "window", "yellow",
    "zebra", "basket", "copper", "dolphin", "elephant", "feather",
)  # fmt: skip


def resample(samples: Samples, rate: int) -> Samples:
    """To 8 kHz, by cutting the spectrum."""
    length = round(len(samples) * RATE / rate)
    spectrum = np.fft.rfft(samples.astype(np.float64))
    cut = np.zeros(length // 2 + 1, dtype=np.complex128)
    kept = min(len(cut), len(spectrum))
    cut[:kept] = spectrum[:kept]
    return np.clip(np.fft.irfft(cut, length) * length / len(samples), -32768, 32767).astype(np.int16)


def tone(*frequencies: float, seconds: float, amplitude: float = 8000.0) -> Samples:
    """Sines added up; two of them make a DTMF digit."""
    at = np.arange(round(seconds * RATE)) / RATE
    total = np.zeros(len(at))
    for frequency in frequencies:
        total += amplitude * np.sin(2 * np.pi * frequency * at)
    return np.clip(total, -32768, 32767).astype(np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.int16)


def correlation(reference: Samples, heard: Samples) -> Match:
    """How well `heard` holds `reference` anywhere, in spite of coding, loudness, delay and a few frames lost."""
    sound, listened = reference.astype(np.float64), heard.astype(np.float64)
    offsets, weights = _windows(sound)
    if len(listened) < _WINDOW or not offsets or not listened.any():
        return Match(0.0, 0.0, 0.0)
    lead = len(sound)
    bins = (lead + len(listened)) // _BIN + 1
    votes: Floats = np.zeros(bins)
    energy = _running_energy(listened)
    size = 1 << (len(listened) + _WINDOW).bit_length()
    spectrum = np.fft.rfft(listened, size)
    for offset, weight in zip(offsets, weights, strict=True):
        fit = _normalised(sound[offset : offset + _WINDOW], spectrum, size, energy)
        votes += weight * _by_delay(fit, lead - offset, bins, round(_DRIFT * offset) + _BIN)
    best = int(np.argmax(votes))
    delay = best * _BIN - lead
    return Match(float(votes[best]), delay / RATE, _gain(sound, listened, delay))


def who_spoke(heard: Samples, candidates: Mapping[str, Samples]) -> str | None:
    """The one candidate whose words are heard; None when none or more than one is."""
    heard_of = [
        name for name, reference in candidates.items() if correlation(reference, heard).score >= HEARD
    ]
    return heard_of[0] if len(heard_of) == 1 else None


def _windows(sound: Floats) -> tuple[list[int], list[float]]:
    """Starts of the windows that are not near silence, and their shares of the score."""
    starts = list(range(0, len(sound) - _WINDOW + 1, _WINDOW // 2))
    energies = [float(np.sum(sound[start : start + _WINDOW] ** 2)) for start in starts]
    loudest = max(energies, default=0.0)
    loud = [
        (start, energy) for start, energy in zip(starts, energies, strict=True) if energy > 0.05 * loudest
    ]
    total = sum(energy**0.5 for _, energy in loud)
    return [start for start, _ in loud], [energy**0.5 / total for _, energy in loud]


def _running_energy(listened: Floats) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(listened**2)])
    running: Floats = np.maximum(total[_WINDOW:] - total[:-_WINDOW], 0.0)
    return running


def _normalised(window: Floats, spectrum: npt.NDArray[np.complex128], size: int, energy: Floats) -> Floats:
    product = np.fft.irfft(spectrum * np.conj(np.fft.rfft(window, size)), size)[: len(energy)]
    floor = max(1e-4 * float(energy.max()), 1.0)
    fit: Floats = np.abs(product) / np.sqrt(np.maximum(energy, floor) * np.sum(window**2))
    return fit


def _by_delay(fit: Floats, shift: int, bins: int, tolerance: int) -> Floats:
    """Best fit for each delay of the whole reference, in bins of 10 ms, `tolerance` samples to either side."""
    line = np.zeros(bins * _BIN)
    end = min(len(line), shift + len(fit))
    line[shift:end] = fit[: end - shift]
    binned = line.reshape(bins, _BIN).max(axis=1)
    best: Floats = binned.copy()
    for step in range(1, -(-tolerance // _BIN) + 1):
        best[step:] = np.maximum(best[step:], binned[:-step])
        best[:-step] = np.maximum(best[:-step], binned[step:])
    return best


def _gain(sound: Floats, listened: Floats, delay: int) -> float:
    begin, end = max(delay, 0), min(delay + len(sound), len(listened))
    if end <= begin:
        return 0.0
    spoken = sound[begin - delay : end - delay]
    reference = float(np.sum(spoken**2))
    return float(np.sqrt(np.sum(listened[begin:end] ** 2) / reference)) if reference else 0.0
