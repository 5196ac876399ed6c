"""Phones that say one tone each in any codec, and what can be told of what they hear."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from media_room import Peer, Room, Rtp

from softswitch.codec import CODECS
from softswitch.ids import MixId
from softswitch.rtp import codecs
from softswitch.rtp.commands import Mix

PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, "opus": 111, "L16": 97, "G729": 18}
TONES = tuple(310.0 + 230 * n for n in range(13))
"""Hz; no one is a harmonic of another below the 3,070 of the last, and all are in the narrow band."""


@dataclass
class Talker:
    """A phone that says a tone of `level` (peak) in packets of its codec; with level 0 silence, or `speech`."""

    room: Room
    peer: Peer
    codec: str
    tone: float
    level: float = 4000.0
    ptime_ms: int = 20
    said: list[bytes] = field(default_factory=list)
    heard: list[Rtp] = field(default_factory=list)
    speech: npt.NDArray[np.int16] | None = None
    """Said in place of the tone, at the rate of the codec."""

    def __post_init__(self) -> None:
        self._encoder = codecs.encoder(CODECS[self.codec], self.ptime_ms)
        self._decoder = codecs.decoder(CODECS[self.codec])
        self._at = 0

    def speak(self) -> None:
        count = self._encoder.rate * self.ptime_ms // 1000
        if self.speech is not None:
            samples = self.speech[self._at : self._at + count]
            samples = np.concatenate([samples, np.zeros(count - len(samples), np.int16)])
        else:
            time = (self._at + np.arange(count)) / self._encoder.rate
            samples = np.rint(self.level * np.sin(2 * np.pi * self.tone * time)).astype(np.int16)
        self._at += count
        payload = self._encoder.encode(samples)
        self.said.append(payload)
        self.send(payload, CODECS[self.codec].clock * self.ptime_ms // 1000)

    def send(self, payload: bytes, ticks: int) -> None:
        self.room.engine.arrive(self.peer.port, self.peer.packet(payload), self.peer.address)
        self.peer.sequence += 1
        self.peer.timestamp += ticks

    def listen(self) -> None:
        self.heard += self.peer.heard()

    def decode(self, heard: list[Rtp] | None = None) -> npt.NDArray[np.int16]:
        chosen = self.heard if heard is None else heard
        parts = [self._decoder.decode(each.payload) for each in chosen if each.kind == self.peer.payload_type]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    @property
    def rate(self) -> int:
        return self._decoder.rate

    @property
    def payloads(self) -> list[bytes]:
        return [each.payload for each in self.heard]


def talker(
    room: Room, name: str, tone: float, codec: str = "PCMU", *, level: float = 4000.0, ptime_ms: int = 20,
    **more: object,
) -> Talker:  # fmt: skip
    peer = room.phone(name, codec=codec, kind=PAYLOAD_TYPES[codec], ptime_ms=ptime_ms, **more)
    return Talker(room, peer, codec, tone, level, ptime_ms)


def talk(room: Room, talkers: list[Talker], seconds: float) -> None:
    """All say their tones for a while and remember what they hear."""
    began = room.now
    spoken = dict.fromkeys(range(len(talkers)), 0)
    while room.now - began < seconds - 1e-9:
        for at, each in enumerate(talkers):
            if room.now - began >= spoken[at] * each.ptime_ms / 1000 - 1e-9:
                spoken[at] += 1
                each.speak()
        room.run()
        for each in talkers:
            each.listen()


def forget(talkers: list[Talker]) -> None:
    for each in talkers:
        each.heard, each.said = [], []


def mix(room: Room, name: str, talkers: list[Talker], gains: list[list[float]]) -> None:
    rows = tuple(tuple(row) for row in gains)
    room.do(Mix(mix=MixId(name), legs=tuple(each.peer.leg for each in talkers), gains=rows))


def all_hear_all(count: int, muted: tuple[int, ...] = ()) -> list[list[float]]:
    return [
        [0.0 if listener == speaker or speaker in muted else 1.0 for speaker in range(count)]
        for listener in range(count)
    ]


def amplitude(samples: npt.NDArray[np.int16], rate: int, tone: float) -> float:
    """Peak of one tone (a windowed Fourier sum at its frequency)."""
    window = np.hanning(len(samples))
    turn = np.exp(-2j * np.pi * tone * np.arange(len(samples)) / rate)
    return float(2 * abs((samples * window * turn).sum()) / window.sum())


def tones_in(each: Talker, tones: list[float], skip_s: float = 0.2) -> list[float]:
    """Which of `tones` are heard, after the first `skip_s`: at least a thirtieth of the loudest usual level."""
    samples = each.decode()[round(skip_s * each.rate) :]
    return [tone for tone in tones if amplitude(samples, each.rate, tone) > 130]


def snr_db(samples: npt.NDArray[np.int16], rate: int, tone: float) -> float:
    """Power of a tone over everything else, by a least-squares fit of its sine and cosine."""
    time = np.arange(len(samples)) / rate
    basis = np.stack([np.sin(2 * np.pi * tone * time), np.cos(2 * np.pi * tone * time)], axis=1)
    found, *_ = np.linalg.lstsq(basis, samples.astype(np.float64), rcond=None)
    wanted = basis @ found
    rest = samples - wanted
    return float(10 * np.log10((wanted**2).sum() / max((rest**2).sum(), 1e-9)))
