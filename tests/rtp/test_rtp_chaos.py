"""Proves on virtual time, with the true recorder on disk: whatever orders come in whatever sequence, for legs that are
there or not, while peers send speech, keys, noise and rubbish, nothing raises; a disk that refuses some writes ends
recordings and nothing else; and when all legs are closed nothing of theirs is left: slots, ports, intakes, clocks,
descriptors, spans, nor objects that only a collection of cycles would find. Every file that is there then is whole.

Does not prove what anybody hears (test_rtp_relay.py, test_rtp_mixer.py). CHAOS_RUNS sets how many runs.
"""

import errno
import gc
import os
import random
from pathlib import Path

import pytest
from media_room import TICK, FakeLibrary, Peer, Room, noise

from softswitch.ids import LegId, MixId, RecordingId
from softswitch.recorder.running import Running
from softswitch.recorder.wav import LONGEST_HEADER, parse
from softswitch.recorder.writer import RecordingWriter
from softswitch.rtp import wire
from softswitch.rtp.commands import (
    AskPeers,
    AskStats,
    Bridge,
    CloseLeg,
    KeepRecording,
    MarkRecording,
    Mix,
    Music,
    OpenLeg,
    PauseRecording,
    Play,
    RecordLeg,
    SendDigits,
    SetPeer,
    StartRecording,
    StopPlay,
    StopRecording,
    Unbridge,
)
from softswitch.rtp.exchange import Exchange
from softswitch.rtp.group import Group
from softswitch.rtp.leg import Leg
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.reports import LegOpened, RecordingEnded
from softswitch.rtp.speaker import Speaker
from softswitch.rtp.tones import tone
from softswitch.tap import RecordingSpec

RUNS = int(os.environ.get("CHAOS_RUNS", "1"))
STEPS = 250
PAIRS = 20
CODECS = {"PCMU": 0, "PCMA": 8, "G722": 9, "G729": 18, "opus": 111, "L16": 112}
BYTES = {"PCMU": 160, "PCMA": 160, "G722": 160, "G729": 20, "opus": 60, "L16": 320}
NAMES = [LegId(f"leg{n}") for n in range(9)]
RECORDINGS = [RecordingId(f"r{n}") for n in range(5)]
TONES = ("tone:beep", "tone:busy", "tone:ringback")
MIXES = [MixId("m0"), MixId("m1")]
ORDERS = (
    *("open", "peer", "bridge", "mix") * 3,
    *("start", "party") * 2,
    *(
        "close",
        "unbridge",
        "music",
        "play",
        "stop_play",
        "digits",
        "stop",
        "pause",
        "mask",
        "mark",
        "keep",
        "ask",
    ),
)


class Chaos:
    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        self.room = Room()
        self.writer = RecordingWriter(open_files=3, capacity=24)
        self.room.exchange = Exchange(
            engine=self.room.engine,
            tap=self.writer,
            library=self.library(),
            ports=PortRange.parse(f"20000-{20000 + 2 * PAIRS - 1}"),
            quiet_s=0.1,
            silent_s=1.0,
            entropy=bytes(range(16)),
            report=self.room.reports.append,
        )
        self.peers: dict[LegId, Peer] = {}
        self.codec: dict[LegId, str] = {}
        self.files = 0

    @staticmethod
    def library() -> FakeLibrary:
        library = FakeLibrary()
        library.prompts |= {name: tone(name) for name in TONES} | {"late": None}
        return library

    def leg(self) -> LegId:
        return self.chance.choice(NAMES)

    def order(self) -> None:
        getattr(self, f"_{self.chance.choice(ORDERS)}")()

    def _open(self) -> None:
        leg = self.leg()
        for report in self.room.do(OpenLeg(leg=leg, address="127.0.0.1")):
            if isinstance(report, LegOpened):
                number = NAMES.index(leg) + 1
                self.peers[leg] = Peer(
                    self.room, leg, report.port, (f"10.0.0.{number}", 4000 + number), 0, ssrc=number
                )
                self._peer(leg)

    def _peer(self, leg: LegId | None = None) -> None:
        chance, leg = self.chance, leg or self.leg()
        peer = self.peers.get(leg)
        codec = chance.choice(list(CODECS) if chance.random() < 0.3 else ["PCMU", "PCMA"])
        if peer is not None:
            self.codec[leg], peer.payload_type = codec, CODECS[codec]
        held = chance.random() < 0.1
        self.room.do(
            SetPeer(
                leg=leg,
                address="0.0.0.0" if held else peer.address[0] if peer is not None else "10.9.9.9",
                port=peer.address[1] if peer is not None else 4000,
                codec=codec,
                payload_type=CODECS[codec],
                event_payload_type=chance.choice((101, None)),
                comfort_noise_type=chance.choice((13, None)),
                latch=chance.random() < 0.3,
                send=chance.random() < 0.9,
                receive=chance.random() < 0.9,
                ptime_ms=chance.choice((10, 20, 30, 60)),
                detect_inband=chance.random() < 0.2,
                rtcp_mux=chance.random() < 0.3,
            )
        )

    def _bridge(self) -> None:
        self.room.do(Bridge(a=self.leg(), b=self.leg()))

    def _unbridge(self) -> None:
        self.room.do(Unbridge(leg=self.leg()))

    def _mix(self) -> None:
        legs = tuple(self.chance.sample(NAMES, self.chance.randrange(5)))
        gains = tuple(
            tuple(0.0 if a == b else self.chance.choice((0.0, 1.0, 1.0, 0.5)) for b in legs) for a in legs
        )
        self.room.do(Mix(mix=self.chance.choice(MIXES), legs=legs, gains=gains))

    def _close(self) -> None:
        leg = self.leg()
        self.room.do(CloseLeg(leg=leg))
        self.peers.pop(leg, None)

    def _music(self) -> None:
        self.room.do(
            Music(leg=self.leg(), prompt=self.chance.choice(("tone:ringback", None, "none", "late")))
        )

    def _play(self) -> None:
        prompts = tuple(self.chance.choices((*TONES, "none", "late"), k=self.chance.randrange(3)))
        self.room.do(Play(leg=self.leg(), play=self.chance.randrange(99), prompts=prompts))

    def _stop_play(self) -> None:
        self.room.do(StopPlay(leg=self.leg()))

    def _digits(self) -> None:
        self.room.do(SendDigits(leg=self.leg(), digits=self.chance.choice(("1", "12#", "x", ""))))

    def _start(self) -> None:
        chance = self.chance
        self.files += 1
        spec = RecordingSpec(
            recording=chance.choice(RECORDINGS),
            path=str(self.folder / f"{self.files}.wav"),
            channels=chance.choice((1, 2, 2, 4)),
            encoding=chance.choice(("PCMU", "PCMA", "PCM16")),
            max_s=chance.choice((0.0, 0.0, 1.5)),
            armed_s=chance.choice((0.0, 0.0, 0.5)),
            masked=chance.random() < 0.1,
        )
        tracks = tuple(chance.sample(NAMES, chance.randrange(4)))
        self.room.do(StartRecording(spec=spec, tracks=tracks, names=tracks[:1]))

    def _party(self) -> None:
        track, leg = self.chance.randrange(9), self.leg() if self.chance.random() < 0.7 else None
        self.room.do(RecordLeg(recording=self.chance.choice(RECORDINGS), track=track, leg=leg, name="x"))

    def _stop(self) -> None:
        self.room.do(StopRecording(recording=self.chance.choice(RECORDINGS)))

    def _pause(self) -> None:
        self.room.do(
            PauseRecording(recording=self.chance.choice(RECORDINGS), paused=self.chance.random() < 0.5)
        )

    def _mask(self) -> None:
        on = self.chance.random() < 0.5
        self.room.do(PauseRecording(recording=self.chance.choice(RECORDINGS), paused=on, masked=True))

    def _mark(self) -> None:
        self.room.do(MarkRecording(recording=self.chance.choice(RECORDINGS), kind="hold", text="x" * 300))

    def _keep(self) -> None:
        self.room.do(KeepRecording(recording=self.chance.choice(RECORDINGS)))

    def _ask(self) -> None:
        self.room.do(AskStats(legs=(self.leg(), self.leg())))
        self.room.do(AskPeers())

    def speak(self) -> None:
        """What all peers send in 20 ms."""
        chance, engine = self.chance, self.room.engine
        for leg, peer in self.peers.items():
            for _ in range(chance.choice((0, 1, 1, 1, 1, 1, 2))):
                data = self._datagram(leg, peer)
                source = peer.address if chance.random() < 0.95 else ("192.0.2.6", 666)
                for _ in range(chance.choice((1, 1, 1, 1, 2))):
                    engine.arrive(peer.port + (chance.random() < 0.02), data, source)

    def _datagram(self, leg: LegId, peer: Peer) -> bytes:
        chance = self.chance
        match chance.randrange(20):
            case 0:
                return chance.randbytes(chance.randrange(600))
            case 1:
                return bytes([0x80 | chance.randrange(64)]) + chance.randbytes(chance.randrange(90))
            case 2:
                return peer.packet(chance.randbytes(4), kind=101)
            case 3:
                return peer.packet(chance.randbytes(chance.randrange(3)), kind=13)
            case 4:
                return bytes([0x80, chance.randrange(200, 208)]) + chance.randbytes(chance.randrange(90))
            case 5:
                peer.sequence += chance.choice((-100, -2, 2, 100, 5000))
                peer.timestamp += chance.choice((-(1 << 31), -800, 800, 1 << 31))
                peer.ssrc += chance.randrange(2)
            case _:
                pass
        size = BYTES[self.codec[leg]] if chance.random() < 0.9 else chance.randrange(500)
        data = peer.packet(noise(chance.randrange(99), size))
        peer.sequence += 1
        peer.timestamp += 160
        return data


class BadDisk:
    """Refuses some writes, and writes some in part only."""

    def __init__(self, seed: int) -> None:
        self.chance, self.pwrite = random.Random(seed), os.pwrite

    def __call__(self, fd: int, data: bytes, offset: int) -> int:
        if self.chance.random() < 0.02:
            raise OSError(errno.ENOSPC, "No space left on device")
        view = memoryview(data)
        return self.pwrite(
            fd, view[: len(view) // 2] if self.chance.random() < 0.05 and len(view) > 64 else view, offset
        )


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def alive() -> int:
    """Objects that a leg or a recording is made of."""
    return sum(isinstance(each, Leg | Running | Speaker | Group) for each in gc.get_objects())


@pytest.mark.parametrize("disk", ["good", "bad"])
@pytest.mark.parametrize("seed", range(RUNS))
def test_whatever_comes_nothing_raises_and_nothing_stays(
    seed: int, disk: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    chaos = Chaos(tmp_path, seed)
    room, exchange, writer = chaos.room, chaos.room.exchange, chaos.writer
    before = descriptors()
    gc.collect()
    objects = alive()
    gc.disable()
    request.addfinalizer(gc.enable)
    if disk == "bad":
        monkeypatch.setattr(os, "pwrite", BadDisk(seed))
    for _ in range(STEPS):
        for _ in range(chaos.chance.choice((0, 0, 1, 3))):
            chaos.order()
        chaos.speak()
        room.run(4 * TICK)
        if chaos.chance.random() < 0.01:
            room.now += chaos.chance.choice((0.3, 3.0))  # the worker was stopped
    for recording in exchange.recordings:
        room.do(StopRecording(recording=recording))
    for leg in NAMES:
        room.do(CloseLeg(leg=leg))
    room.now += 1.0
    room.run()
    _assert_nothing_stays(exchange, writer)
    assert descriptors() == before
    assert alive() == objects, "freed without a collection: workers make none of what is old"
    assert exchange._ports.take(room.now) is not None and len(exchange._ports._free) == PAIRS - 1
    assert {report.report.state for report in room.told(RecordingEnded)} <= {"ended", "limit", "failed"}
    for report in room.reports:
        body = wire.encode(report)[4:]
        assert wire.decode_report(body) == report, "or the controller would take the worker for broken"
    for path in tmp_path.glob("*.wav"):
        wav = parse(path.read_bytes()[:LONGEST_HEADER])
        assert wav is not None
        size = wav.frames * wav.format.frame_bytes
        if disk == "good":
            assert path.stat().st_size == wav.format.header_bytes + size + size % 2


def _assert_nothing_stays(exchange: Exchange, writer: RecordingWriter) -> None:
    assert len(exchange) == exchange._table.count == len(exchange.recordings) == 0
    assert not exchange.busy
    assert (
        exchange._mixer.speakers == {} and exchange._mixer._groups == {} and exchange._topology._mixes == {}
    )
    assert exchange._playout._loading == set() and not exchange._playout.active
    assert exchange._demultiplexer.slots == set() and exchange._decoded.slots == set()
    assert not exchange._table.tapped.any() and exchange._quality._noted == 0
    assert writer._recordings == {} and writer._unsaved == {} and writer._kept == 0
    assert writer._timeline.free == 24 and not writer._timeline._active.any()
    assert all(not len(members) for members in writer._timeline._members)
    assert writer._timeline._silences._muted == {} and writer._timeline._silences._vacant == {}
