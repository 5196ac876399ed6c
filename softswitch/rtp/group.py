"""Legs that hear each other: a bridge of two, or a mix by its gain matrix. Plain state; `topology.py` decides who is
relayed, `mixer.py` makes the sums."""

from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch.codec import G711
from softswitch.ids import MixId
from softswitch.rtp.leg import Leg
from softswitch.rtp.prompt import SAMPLE_RATE
from softswitch.rtp.speaker import Speaker

F32 = npt.NDArray[np.float32]
I16 = npt.NDArray[np.int16]

NO_WEIGHTS: Final[F32] = np.zeros((0, 0), np.float32)


class Listener:
    """A leg that hears a sum. Sums come in steps of the mix's clock; a packet takes one step or several."""

    __slots__ = ("by_table", "filled", "frame", "leg", "pending")

    def __init__(self, leg: Leg, rate: int) -> None:
        self.leg = leg
        self.frame = rate * leg.ptime_ms // 1000
        """Samples of a packet at the rate of the mix."""
        self.by_table = rate == SAMPLE_RATE and leg.codec.name in G711
        """Nothing but a table stands between the sum and the payload."""
        self.pending: I16 = np.zeros(self.frame, np.int16)
        self.filled = 0

    def align(self, step: int) -> None:
        """Sums come in `step` samples from now on: what is filled ends with one of them, so that the packet does too."""
        self.filled -= self.filled % step

    def add(self, samples: I16) -> I16 | None:
        """A whole packet's samples, or None while they are not all there."""
        if len(samples) == self.frame:
            return samples
        self.pending[self.filled : self.filled + len(samples)] = samples
        self.filled += len(samples)
        if self.filled < self.frame:
            return None
        self.filled = 0
        return self.pending


class Group:
    __slots__ = ("due", "gains", "id", "legs", "listeners", "rate", "speakers", "step_ms", "weights")

    def __init__(self, mix: MixId | None, legs: list[Leg], gains: F32) -> None:
        self.id = mix
        """None: a bridge, which ends when one of its two leaves."""
        self.legs = legs
        self.gains = gains
        """`gains[listener, speaker]`, in the order of `legs`."""
        self.rate = SAMPLE_RATE
        self.step_ms = 20
        self.due = 0.0
        self.listeners: list[Listener] = []
        self.speakers: dict[int, Speaker | None] = {}
        """By slot: who is heard in a sum, in the order of the columns of `weights`; None for one that cannot be decoded."""
        self.weights = NO_WEIGHTS
        """`weights[listener, speaker]` of those that sums are made for and of."""

    def __repr__(self) -> str:
        names = ", ".join(leg.id for leg in self.legs)
        return f"<Group {self.id or 'bridge'} of {names}: {len(self.listeners)} hear sums at {self.rate} Hz>"

    def heard_by(self, leg: Leg) -> list[int]:
        """Indices of the legs that `leg` hears."""
        return [int(each) for each in np.flatnonzero(self.gains[self.legs.index(leg)])]
