"""Proves: packets with jitter, reordering, loss and duplicates become an even stream with the content in order; the
buffer is bounded, grows when the network needs it and shrinks again; pauses and new streams are taken; noise is heard
in pauses.

Does not prove: what people hear of concealment; that is a matter of ears.
"""

import numpy as np
import pytest

from softswitch.codec import CODECS
from softswitch.g711 import ENCODE_ULAW
from softswitch.rtp.codecs import encoder
from softswitch.rtp.concealment import Concealment
from softswitch.rtp.intake import Intake
from softswitch.rtp.jitter_buffer import MOST_PACKETS, JitterBuffer, Nothing

PCMU = CODECS["PCMU"]


def run(arrivals: list[tuple[float, int]], seconds: float, codec: str = "PCMU", rate: int = 8000):
    """Play packets (arrival time, number) of a steady 500 Hz tone; what is read each 20 ms, in one piece."""
    kind = CODECS[codec]
    intake = Intake(kind, "", rate)
    size = kind.rate // 50
    count = max(number for _, number in arrivals) + 1
    at = np.arange(count * size) / kind.rate
    source = (9000 * np.sin(2 * np.pi * 500 * at)).astype(np.int16)
    coder = encoder(kind, 20)
    payloads = [coder.encode(source[n * size : (n + 1) * size]) for n in range(count)]
    heard, now, waiting = [], 0.0, sorted(arrivals)
    for step in range(int(seconds * 50)):
        now = step * 0.02 + 0.001
        while waiting and waiting[0][0] <= now:
            when, number = waiting.pop(0)
            intake.put(number & 0xFFFF, number * kind.clock // 50, payloads[number], when)
        heard.append(intake.read(rate // 50, now))
        assert len(heard[-1]) == rate // 50
    return np.concatenate(heard), intake


def tone_share(samples: np.ndarray, rate: int = 8000) -> float:
    """How much of the power is at 500 Hz."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float) * np.hanning(len(samples)))) ** 2
    at = round(500 * len(samples) / rate)
    return float(spectrum[at - 3 : at + 4].sum() / max(spectrum.sum(), 1e-9))


@pytest.mark.parametrize(
    ("codec", "rate"), [("PCMU", 8000), ("PCMA", 16000), ("G722", 8000), ("opus", 16000), ("L16", 8000)]
)
def test_a_clean_stream(codec: str, rate: int) -> None:
    heard, intake = run([(n * 0.02, n) for n in range(100)], 2.0, codec, rate)
    assert tone_share(heard[rate // 2 :], rate) > 0.999
    assert (intake.late, intake.lost) == (0, 0)


def test_reordering_within_the_buffer_is_not_heard() -> None:
    plain = [(n * 0.02, n) for n in range(100)]
    for n in range(20, 90, 10):
        plain[n], plain[n + 1] = (plain[n + 1][0], n), (plain[n][0], n + 1)
    straight, _ = run([(n * 0.02, n) for n in range(100)], 2.0)
    heard, intake = run([*plain[:5], (0.5, 7), *plain[5:]], 2.0)
    assert intake.lost <= 1
    assert tone_share(heard[4000:]) > 0.99
    assert len(heard) == len(straight)


def test_loss_is_concealed() -> None:
    heard, intake = run([(n * 0.02, n) for n in range(100) if n % 10 != 3], 2.0)
    assert intake.lost in (9, 10)
    assert tone_share(heard[4000:]) > 0.97


def test_jitter_makes_it_deeper_and_calm_shallower() -> None:
    random = np.random.Generator(np.random.PCG64(5))
    rough = [(n * 0.02 + float(random.uniform(0, 0.06)), n) for n in range(300)]
    heard, intake = run(rough, 6.0)
    assert tone_share(heard[-16000:]) > 0.97
    calm = [(n * 0.02, n) for n in range(300, 1500)]
    _, intake = run(rough + calm, 30.0)
    assert intake._buffer.depth_s < 0.03
    assert len(intake._buffer._held) <= 4


def test_a_clock_that_is_fast_does_not_pile_up() -> None:
    heard, intake = run([(n * 0.0199, n) for n in range(3000)], 59.0)
    assert len(intake._buffer._held) <= 5
    assert tone_share(heard[-16000:]) > 0.95


def test_bounds_and_new_streams() -> None:
    buffer = JitterBuffer(8000)
    for n in range(1000):
        buffer.put(n, n * 160, b"x", 0.0)
    assert len(buffer._held) <= MOST_PACKETS
    buffer.put(40000, 5, b"new", 1.0)
    assert len(buffer._held) == 1
    assert buffer.next(1.0) is Nothing.SILENT
    assert buffer.next(1.3) == b"new"
    assert buffer.next(1.32) is Nothing.DRY
    buffer.put(39999, 0, b"old", 1.33)
    assert buffer.late == 1


def test_wrap_of_the_sequence_number() -> None:
    buffer = JitterBuffer(8000)
    for n in range(5):
        buffer.put(65534 + n & 0xFFFF, n * 160, bytes([n]), n * 0.02)
    assert [buffer.next(1.0) for _ in range(5)] == [bytes([n]) for n in range(5)]


def test_a_pause_is_silence_and_noise_where_it_was_announced() -> None:
    intake = Intake(PCMU, "", 8000)
    assert not intake.read(160, 0.0).any()
    loud = ENCODE_ULAW[np.full(160, 9000, np.int16).view(np.uint16)].tobytes()
    for n in range(10):
        intake.put(n, n * 160, loud, n * 0.02)
        intake.read(160, n * 0.02 + 0.001)
    for step in range(20):
        last = intake.read(160, 0.2 + step * 0.02)
    assert not last.any()
    intake.put_noise(60)
    heard = intake.read(1600, 0.7).astype(float)
    assert 15 < np.sqrt(np.mean(heard**2)) < 60


def test_what_cannot_be_decoded_is_concealed() -> None:
    intake = Intake(CODECS["G729"], "", 8000)
    for n in range(10):
        intake.put(n, n * 160, bytes(13), n * 0.02)
        assert len(intake.read(160, n * 0.02)) == 160
    assert intake.undecodable > 5


def test_packets_of_one_sample_cost_no_more_concealment_than_others(monkeypatch: pytest.MonkeyPatch) -> None:
    concealed: list[int] = []
    conceal = Concealment.conceal
    monkeypatch.setattr(
        Concealment, "conceal", lambda self, count: concealed.append(count) or conceal(self, count)
    )
    intake = Intake(PCMU, "", 8000)
    for number in range(100):
        intake.put(number, number, b"\x50", number * 0.02)
        assert len(intake.read(160, number * 0.02)) == 160
    assert len(concealed) <= 200 and min(concealed) >= 80


def test_a_late_packet_that_makes_a_full_buffer_skip_does_not_stay_in_it() -> None:
    """It would never be played, and so the buffer never be dry: each pause of the network would lose what came after it."""
    buffer = JitterBuffer(8000)
    buffer.put(0, 0, b"", 0.0)
    for n in range(2, MOST_PACKETS + 1):
        buffer.put(n, 160 * n, b"", 0.0)
    buffer.put(1, 160, b"", 0.0)
    now, numbers = 0.3, list(range(MOST_PACKETS + 1, MOST_PACKETS + 200))
    while buffer.next(now) not in (Nothing.DRY, Nothing.LOST):
        now += 0.02
    assert buffer.next(now) is Nothing.DRY
    now += 0.2  # the network rests; what comes then was only late
    for n in numbers[:40]:
        buffer.put(n, 160 * n, b"x", now)
        assert buffer.next(now) == b"x"
        now += 0.02
    assert buffer.late == 1
