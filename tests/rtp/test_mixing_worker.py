"""Proves with a real worker process on loopback sockets, with either engine: three phones of three codecs in one mix hear
each other's tones and not their own, and a bridge of two codecs is transcoded.

Does not prove who hears whom in every case (test_rtp_mixer.py, on virtual time) or how much a worker carries
(`benchmarks/mixing.py`).
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from talkers import PAYLOAD_TYPES, TONES, amplitude

from softswitch.clock import SystemClock
from softswitch.codec import CODECS
from softswitch.config.media import Rtp
from softswitch.ids import LegId, MixId
from softswitch.rtp import codecs
from softswitch.rtp.commands import Bridge, Mix, SetPeer
from softswitch.rtp.engines import choose
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.reports import CommandRefused, Report

PACKETS = 60
REPORTS: list[Report] = []


@pytest.fixture(params=["sockets", "io_uring"])
async def pool(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[MediaPool]:
    engine, problem = choose("auto")
    engine.shut()
    if problem and request.param == "io_uring":
        pytest.skip(problem)
    REPORTS.clear()
    pool = MediaPool(
        Rtp(ports="23200-23399", workers=1, quiet_s=0.2, engine=request.param),
        socket_dir=str(tmp_path / "s"),
        clock=SystemClock(),
        on_report=lambda worker, report: REPORTS.append(report),
        on_worker_died=lambda worker, pid, legs: None,
        linger_s=0.5,
    )
    await pool.start()
    yield pool
    await pool.stop()


class Phone:
    """Says one tone over a real socket and decodes what comes back."""

    def __init__(self, pool: MediaPool, leg: LegId, port: int, codec: str, tone: float) -> None:
        self.leg, self.codec, self.tone = leg, CODECS[codec], tone
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.target = ("127.0.0.1", port)
        self.encoder, self.decoder = codecs.encoder(self.codec, 20), codecs.decoder(self.codec)
        pool.send(
            SetPeer(
                leg=leg,
                address="127.0.0.1",
                port=self.socket.getsockname()[1],
                codec=codec,
                payload_type=PAYLOAD_TYPES[codec],
                event_payload_type=101,
            )
        )

    def speak(self, number: int) -> None:
        count = self.encoder.rate // 50
        time = (number * count + np.arange(count)) / self.encoder.rate
        samples = np.rint(4000 * np.sin(2 * np.pi * self.tone * time)).astype(np.int16)
        ticks = number * self.codec.clock // 50
        head = struct.pack("!BBHII", 0x80, PAYLOAD_TYPES[self.codec.name], number, ticks, 7)
        self.socket.sendto(head + self.encoder.encode(samples), self.target)

    def heard(self) -> npt.NDArray[np.int16]:
        parts: list[npt.NDArray[np.int16]] = []
        while True:
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return np.concatenate(parts) if parts else np.zeros(0, np.int16)
            if data[1] & 0x7F == PAYLOAD_TYPES[self.codec.name]:
                parts.append(self.decoder.decode(data[12:]))


async def phones(pool: MediaPool, *names: str) -> list[Phone]:
    opened = []
    for at, codec in enumerate(names):
        leg = LegId(f"{at}")
        port = (await pool.open_leg(leg, "127.0.0.1", with_leg=LegId("0") if at else None)).port
        opened.append(Phone(pool, leg, port, codec, TONES[2 * at]))
    return opened


async def talk(parties: list[Phone], first: int = 0) -> None:
    began = asyncio.get_running_loop().time()
    for number in range(PACKETS):
        for each in parties:
            each.speak(first + number)
        await asyncio.sleep(max(0.0, began + 0.02 * (number + 1) - asyncio.get_running_loop().time()))


async def test_three_codecs_in_one_mix_and_two_in_a_bridge(pool: MediaPool) -> None:
    parties = await phones(pool, "PCMU", "G722", "opus")
    legs = tuple(each.leg for each in parties)
    gains = tuple(tuple(float(a != b) for b in legs) for a in legs)
    pool.send(Mix(mix=MixId("m"), legs=legs, gains=gains))
    await talk(parties)
    for each in parties:
        samples = each.heard()
        assert len(samples) >= 0.6 * PACKETS * each.decoder.rate // 50
        later = samples[len(samples) // 3 :]
        loud = [tone for tone in TONES if amplitude(later, each.decoder.rate, tone) > 1000]
        assert loud == [other.tone for other in parties if other is not each]
    pool.send(Bridge(a=legs[0], b=legs[2]))
    await talk(parties, PACKETS)
    for each, other in ((parties[0], parties[2]), (parties[2], parties[0])):
        samples = each.heard()
        later = samples[len(samples) // 2 :]
        loud = [tone for tone in TONES if amplitude(later, each.decoder.rate, tone) > 1000]
        assert loud == [other.tone]
    assert not [report for report in REPORTS if isinstance(report, CommandRefused)]
