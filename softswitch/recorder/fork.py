"""The audio of one leg as it arrives, sent to a Unix socket while it is spoken: for recognisers of speech. A shell.

The first line tells which fork it is; then come samples, PCM of 16 bits, little-endian, 8 or 16 kHz. Packets are put in
their places by timestamp as far as they come in order; what is missing is silence, what is late is left out. Whoever reads
too slowly loses the newest audio: a tick of the media worker never waits for anybody.
"""

import socket
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch import g711
from softswitch.recorder.wav import RATE

LONGEST_GAP_S: Final = 2.0
"""Silence that is made up in one place; a longer pause of the sender is cut to it."""
SEND_BUFFER: Final = 1 << 18
"""Bytes that the kernel keeps for a reader: eight seconds at 16 kHz."""
_HALF: Final = np.array([-0.0106, 0.0329, -0.0824, 0.3101, 0.3101, -0.0824, 0.0329, -0.0106]) * (
    0.5 / (0.3101 - 0.0824 + 0.0329 - 0.0106)
)
"""Samples between two neighbours: a half-band low-pass of eight taps, unity at 0 Hz."""
_DELAY: Final = len(_HALF) // 2

Samples = npt.NDArray[np.int16]


class Fork:
    def __init__(self, address: str, name: str, rate: int) -> None:
        """Raises OSError when nobody listens at `address`."""
        if rate not in (RATE, 2 * RATE):
            raise OSError(f"audio cannot be sent at {rate} samples a second")
        self._doubles = rate != RATE
        self._before = np.zeros(len(_HALF) - 1)
        self._ssrc: int | None = None
        self._next = 0
        self._rest = b""
        self.seconds = 0.0
        """Sent."""
        self.lost_s = 0.0
        """Left out because the reader was slow."""
        self.gone = False
        """Nobody reads any more."""
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            self._socket.connect(address)
            self._socket.sendall(name.encode() + b"\n")
        except OSError:
            self._socket.close()
            raise

    def packet(self, ssrc: int, timestamp: int, law: int, payload: npt.NDArray[np.uint8]) -> None:
        """One packet of G.711."""
        linear = (g711.DECODE_ULAW if law == g711.PCMU else g711.DECODE_ALAW)[payload]
        if ssrc != self._ssrc:
            self._ssrc, self._next = ssrc, timestamp
        ahead = (timestamp - self._next + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
        if ahead < 0:
            if ahead < -RATE * 10:  # the sender has begun anew
                ahead = 0
            else:
                return
        self._next = timestamp + len(linear) & 0xFFFF_FFFF
        if ahead:
            self._send(np.zeros(min(ahead, int(LONGEST_GAP_S * RATE)), np.int16))
        self._send(linear)

    def _send(self, samples: Samples) -> None:
        if self.gone:
            return
        data = self._rest + (self._doubled(samples) if self._doubles else samples).astype("<i2").tobytes()
        whole = len(data)
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.gone = True
            return
        bytes_a_second = 2 * RATE * (2 if self._doubles else 1)
        # What is left of a sample that went half is sent first the next time; the rest is lost.
        self._rest = data[sent : sent + (sent & 1)]
        self.seconds += sent / bytes_a_second
        self.lost_s += (whole - sent - len(self._rest)) / bytes_a_second

    def _doubled(self, samples: Samples) -> Samples:
        """Twice as many a second."""
        heard = np.concatenate((self._before, samples.astype(np.float64)))
        self._before = heard[len(samples) :]
        made = np.empty(2 * len(samples))
        made[0::2] = heard[_DELAY - 1 : _DELAY - 1 + len(samples)]
        made[1::2] = np.convolve(heard, _HALF, "valid")
        return np.clip(np.rint(made), -32768, 32767).astype(np.int16)

    def close(self) -> None:
        self._socket.close()
