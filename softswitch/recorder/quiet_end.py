"""When a recording is over because its speaker says nothing any more: loudness of what is recorded, packet by packet.

`silence_s` counts from the last packet that was louder than the floor; a caller who sends nothing at all (discontinuous
transmission) is silent too. Whoever has not begun yet is given more time.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch import g711

FLOOR: Final = 330
"""Mean deviation of linear samples: about −40 dB below the loudest sine, above the noise of lines and rooms."""
FIRST_WORD_S: Final = 5.0
"""At least so long for the first word."""


class QuietEnd:
    def __init__(self, silence_s: float, now: float) -> None:
        self._silence_s = silence_s
        self._patience_s = max(silence_s, FIRST_WORD_S)
        self._heard = now

    def packet(self, now: float, law: int, payload: npt.NDArray[np.uint8]) -> None:
        linear = (g711.DECODE_ULAW if law == g711.PCMU else g711.DECODE_ALAW)[payload]
        if len(linear) and np.abs(linear - linear.mean()).mean() > FLOOR:
            self._heard, self._patience_s = now, self._silence_s

    def over(self, now: float) -> bool:
        return now - self._heard >= self._patience_s
