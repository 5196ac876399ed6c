"""Hold music and the tone before a message, synthesised: nobody's work, so nobody's licence.

Eight slow bars of four chords, a soft electric piano over a pad. Every note is added onto the loop modulo its length,
so the end runs into the beginning without a seam.
"""

import numpy as np
import numpy.typing as npt

RATE = 8000
BEAT_S = 0.75
BEATS_PER_BAR = 4
LEVEL_DB = -24.0
"""RMS below full scale: speech over it stays clear."""

# MIDI notes: bass, then the chord from low to high.
BARS = (
    (48, (60, 64, 67, 71)),
    (45, (60, 64, 67, 72)),
    (41, (60, 65, 69, 72)),
    (43, (59, 62, 67, 74)),
    (48, (60, 64, 67, 76)),
    (45, (57, 64, 69, 72)),
    (50, (60, 65, 69, 74)),
    (43, (59, 65, 67, 71)),
)
ARPEGGIO = (0, 2, 1, 3, 2, 1, 3, 2)
"""Notes of the chord, one each half beat."""
MELODY = {0: 79, 3: 76, 6: 77, 8: 74, 11: 72, 16: 79, 19: 84, 22: 81, 24: 77, 27: 74, 30: 71}
"""Beat to note."""


def music() -> npt.NDArray[np.int16]:
    """One loop of 24 seconds."""
    beats = len(BARS) * BEATS_PER_BAR
    loop = np.zeros(round(beats * BEAT_S * RATE))
    for bar, (bass, chord) in enumerate(BARS):
        start = bar * BEATS_PER_BAR
        _add(loop, start, _piano(bass, 3.2, 0.55))
        for note in chord:
            _add(loop, start, _pad(note, BEATS_PER_BAR * BEAT_S + 0.6, 0.10))
        for step, index in enumerate(ARPEGGIO):
            _add(loop, start + step / 2, _piano(chord[index], 1.6, 0.30 if step % 4 else 0.38))
    for beat, note in MELODY.items():
        _add(loop, beat, _piano(note, 2.6, 0.34))
    loop -= loop.mean()
    level = 10 ** (LEVEL_DB / 20) * 32768
    return np.clip(np.rint(loop * level / np.sqrt(np.mean(loop**2))), -32000, 32000).astype(np.int16)


def beep() -> npt.NDArray[np.int16]:
    """The tone after which a message begins: 1,000 Hz for 0.4 s."""
    time = np.arange(round(0.4 * RATE)) / RATE
    fade = np.minimum(1.0, np.minimum(time, time[-1] - time) / 0.01)
    return np.rint(8000 * fade * np.sin(2 * np.pi * 1000 * time)).astype(np.int16)


def _add(loop: npt.NDArray[np.float64], beat: float, sound: npt.NDArray[np.float64]) -> None:
    where = (round(beat * BEAT_S * RATE) + np.arange(len(sound))) % len(loop)
    np.add.at(loop, where, sound)


def _frequency(note: int) -> float:
    return float(440 * 2 ** ((note - 69) / 12))


def _piano(note: int, seconds: float, level: float) -> npt.NDArray[np.float64]:
    time = np.arange(round(seconds * RATE)) / RATE
    base = _frequency(note)
    tone = sum(
        weight * np.exp(-time * decay) * np.sin(2 * np.pi * base * harmonic * time)
        for harmonic, weight, decay in ((1, 1.0, 1.8), (2, 0.35, 3.0), (3, 0.12, 4.5), (4, 0.05, 7.0))
        if base * harmonic < 3400
    )
    attack = np.minimum(1.0, time / 0.008)
    release = np.minimum(1.0, (seconds - time) / 0.15)
    return np.asarray(level * attack * release * tone)


def _pad(note: int, seconds: float, level: float) -> npt.NDArray[np.float64]:
    time = np.arange(round(seconds * RATE)) / RATE
    base = _frequency(note)
    tone = sum(np.sin(2 * np.pi * base * detune * time) for detune in (0.998, 1.0, 1.002))
    swell = np.minimum(1.0, np.minimum(time, seconds - time) / 0.6)
    return np.asarray(level * swell * tone)
