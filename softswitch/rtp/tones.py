"""Tones that need no file, named like prompts: `tone:beep`, `tone:ringback`, `tone:busy`, `tone:silence` and the keys
`tone:dtmf-0` to `tone:dtmf-D`. Cadences are the European ones (ITU-T E.180: 425 Hz)."""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch.rtp.dtmf import DIGITS, PAUSE_MS, TONE_MS
from softswitch.rtp.goertzel import HIGH, KEYS, LOW
from softswitch.rtp.prompt import SAMPLE_RATE, Prompt, PromptProblem

SCHEME: Final = "tone:"
_LEVEL: Final = 8000
"""Peak of each frequency: about -12 dBm0."""
_RAMP_S: Final = 0.004

I16 = npt.NDArray[np.int16]

CADENCES: Final[dict[str, tuple[tuple[tuple[float, ...], float], ...]]] = {
    "beep": (((1000.0,), 0.25),),
    "ringback": (((425.0,), 1.0), ((), 4.0)),
    "busy": (((425.0,), 0.5), ((), 0.5)),
    "silence": (((), 1.0),),
}
"""Name to steps of (frequencies, seconds)."""


@lru_cache(maxsize=64)
def tone(name: str) -> Prompt | PromptProblem:
    """The prompt of a name with its scheme."""
    short = name.removeprefix(SCHEME)
    if short in CADENCES:
        steps = CADENCES[short]
    elif short.startswith("dtmf-") and short[5:] and short[5:] in DIGITS:
        row, column = divmod(KEYS.index(short[5:]), 4)
        steps = (((LOW[row], HIGH[column]), TONE_MS / 1000), ((), PAUSE_MS / 1000))
    else:
        return PromptProblem(f"{name}: there is no such tone; expected one of {', '.join(CADENCES)}")
    return Prompt.of(np.concatenate([_step(frequencies, seconds) for frequencies, seconds in steps]))


def _step(frequencies: tuple[float, ...], seconds: float) -> I16:
    count = round(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    wave = np.zeros(count)
    for frequency in frequencies:
        wave += np.sin(2 * np.pi * frequency * time)
    edge = np.minimum(1.0, np.minimum(time, time[::-1]) / _RAMP_S)
    return (wave * edge * _LEVEL).astype(np.int16)
