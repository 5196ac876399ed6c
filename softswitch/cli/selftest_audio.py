"""One end of a call's audio for the self-test: a signal that is like no other, sent and received as RTP (RFC 3550), keys
as telephone events (RFC 4733), and the question whether what was heard holds what was said.
"""

import asyncio
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from softswitch.g711 import DECODE, ENCODE, PCMA, PCMU
from softswitch.sip.offer_answer import Negotiated

RATE, FRAME = 8000, 160
LENGTH_S = 2.0
HOP = 480
"""Samples of one tone: 60 ms."""
HEARD = 0.9
"""Least correlation of what was heard with what was said."""
KEYS = "0123456789*#ABCD"
KEY_FRAMES, KEY_ENDS = 8, 3
MOST_PACKETS = 5000

Samples = npt.NDArray[np.int16]


def signal(seed: int) -> Samples:
    """Two seconds of tones that hop; two seeds have next to nothing in common."""
    random = np.random.default_rng(seed)
    count = int(LENGTH_S * RATE) // HOP
    time = np.arange(HOP) / RATE
    hops = [
        sum(
            np.sin(2 * np.pi * frequency * time + phase)
            for frequency, phase in zip(*_tones(random), strict=True)
        )
        for _ in range(count)
    ]
    return (np.concatenate(hops) * 4000).astype(np.int16)


def _tones(random: np.random.Generator) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return random.uniform(350, 3200, 2), random.uniform(0, 2 * np.pi, 2)


def likeness(said: Samples, heard: Samples) -> float:
    """The best normalised correlation of the middle of `said` with any stretch of `heard`: 1 is the same."""
    part = said[len(said) // 4 : len(said) * 3 // 4].astype(np.float64)
    whole = heard.astype(np.float64)
    if len(whole) < len(part):
        return 0.0
    size = 1 << (len(whole) + len(part)).bit_length()
    product = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    sums = np.concatenate([[0.0], np.cumsum(whole**2)])
    energy = sums[len(part) :] - sums[: len(sums) - len(part)]
    reach = product[: len(energy)] / (np.sqrt(np.maximum(energy, 1.0)) * np.linalg.norm(part))
    return float(max(0.0, reach.max()))


class AudioEnd(asyncio.DatagramProtocol):
    """A UDP port that speaks and listens; `peer` says where to and how, once that is agreed."""

    def __init__(self) -> None:
        self.peer: Negotiated | None = None
        self.keys = ""
        """Heard as telephone events."""
        self.packets = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._frames: dict[int, bytes] = {}
        self._key_at: int | None = None
        self._sequence = self._timestamp = 0

    @classmethod
    async def open(cls, address: str) -> "AudioEnd":
        loop = asyncio.get_running_loop()
        transport, end = await loop.create_datagram_endpoint(cls, local_addr=(address, 0))
        end._transport = transport
        return end

    @property
    def port(self) -> int:
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if len(data) < 12 or data[0] >> 6 != 2 or self.packets >= MOST_PACKETS:
            return
        self.packets += 1
        kind, (timestamp,) = data[1] & 0x7F, struct.unpack_from("!I", data, 4)
        payload = data[12 + 4 * (data[0] & 15) :]
        if self.peer is not None and kind == self.peer.event_payload_type and len(payload) >= 4:
            if timestamp != self._key_at and payload[0] < len(KEYS):
                self._key_at = timestamp
                self.keys += KEYS[payload[0]]
        elif kind in (PCMA, PCMU):
            self._frames[timestamp] = DECODE[kind].take(np.frombuffer(payload, np.uint8)).tobytes()

    def heard(self) -> Samples:
        """All frames by their timestamps."""
        return np.frombuffer(b"".join(self._frames[at] for at in sorted(self._frames)), dtype=np.int16)

    async def speak(self, samples: Samples) -> None:
        """In real time."""
        assert self.peer is not None
        law = self.peer.payload_type
        coded = ENCODE[law].take(samples.view(np.uint16))
        loop = asyncio.get_running_loop()
        began = loop.time()
        for at in range(len(coded) // FRAME):
            await asyncio.sleep(began + at * FRAME / RATE - loop.time())
            self._send(law, coded[at * FRAME : (at + 1) * FRAME].tobytes(), marker=at == 0)
            self._timestamp += FRAME

    async def press(self, key: str) -> bool:
        """False: no telephone events were agreed on."""
        if self.peer is None or self.peer.event_payload_type is None:
            return False
        for step in range(KEY_FRAMES + KEY_ENDS):
            end = step >= KEY_FRAMES
            length = min(step + 1, KEY_FRAMES) * FRAME
            event = struct.pack("!BBH", KEYS.index(key), (0x80 if end else 0) | 10, length)
            self._send(self.peer.event_payload_type, event, marker=step == 0)
            await asyncio.sleep(FRAME / RATE)
        self._timestamp += (KEY_FRAMES + KEY_ENDS) * FRAME
        return True

    def _send(self, kind: int, payload: bytes, *, marker: bool) -> None:
        assert self.peer is not None and self._transport is not None
        head = struct.pack(
            "!BBHII", 0x80, kind | (0x80 if marker else 0), self._sequence & 0xFFFF, self._timestamp, 0x5E1F
        )
        self._sequence += 1
        self._transport.sendto(head + payload, (self.peer.address, self.peer.port))
