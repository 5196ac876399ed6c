"""A prompt in memory: 8 kHz mono, linear and in both laws of G.711, so that playing it is copying bytes."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from softswitch import g711

SAMPLE_RATE: Final = 8000
_BYTES_PER_SAMPLE: Final = 4


@dataclass(frozen=True, slots=True, eq=False)
class Prompt:
    linear: npt.NDArray[np.int16]
    ulaw: npt.NDArray[np.uint8]
    alaw: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, linear: npt.NDArray[np.int16]) -> "Prompt":
        index = np.ascontiguousarray(linear).view(np.uint16)
        return cls(linear, g711.ENCODE_ULAW[index], g711.ENCODE_ALAW[index])

    def __len__(self) -> int:
        """Samples."""
        return len(self.linear)

    def encoded(self, law: int) -> npt.NDArray[np.uint8]:
        return self.ulaw if law == g711.PCMU else self.alaw

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return len(self.linear) * _BYTES_PER_SAMPLE


@dataclass(frozen=True, slots=True)
class PromptProblem:
    """Why a prompt cannot be played."""

    problem: str


class PromptLibrary(Protocol):
    def get(self, path: str) -> Prompt | PromptProblem | None:
        """The prompt, why there is none, or None while it is loaded; asking is what begins that."""
