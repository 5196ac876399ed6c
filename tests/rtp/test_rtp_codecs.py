"""Proves: each codec gives a tone back through encoder and decoder with a stated SNR; payload sizes are those of the
standards; nonsense is CodecError or silence, never another exception; the resampler keeps tones, rejects what would
alias, delays constantly and does not care how the input is cut; concealment continues a tone and fades.

Does not prove: how speech sounds through libavcodec's G.722 and Opus, nor G.729 from a real encoder (there is none here).
"""

import numpy as np
import pytest

from softswitch.codec import CODECS
from softswitch.rtp.codecs import CodecError, CodecMissing, decoder, encoder, ptime
from softswitch.rtp.concealment import Concealment
from softswitch.rtp.resampler import Resampler


def tone(hertz: float, rate: int, seconds: float, level: float = 8000.0) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def snr_db(samples: np.ndarray, hertz: float, rate: int) -> float:
    """Power of the tone against all else, by least squares over sine, cosine and offset."""
    samples = samples.astype(np.float64)
    at = 2 * np.pi * hertz * np.arange(len(samples)) / rate
    basis = np.stack([np.sin(at), np.cos(at), np.ones(len(samples))], axis=1)
    fit = basis @ np.linalg.lstsq(basis, samples, rcond=None)[0]
    return 10 * np.log10(np.sum(fit**2) / max(np.sum((samples - fit) ** 2), 1e-9))


@pytest.mark.parametrize(
    ("name", "bytes_20ms", "least_db"),
    [("PCMU", 160, 33), ("PCMA", 160, 33), ("G722", 160, 25), ("opus", None, 20), ("L16", 640, 60)],
)
def test_a_tone_comes_back(name: str, bytes_20ms: int | None, least_db: float) -> None:
    codec = CODECS[name]
    coder, back = encoder(codec, 20), decoder(codec)
    assert coder.rate == back.rate == codec.rate
    size = codec.rate // 50
    source = tone(1000, codec.rate, 1.0)
    packets = [coder.encode(source[at : at + size]) for at in range(0, len(source), size)]
    if bytes_20ms is not None:
        assert {len(packet) for packet in packets} == {bytes_20ms}
    heard = np.concatenate([back.decode(packet) for packet in packets])
    assert len(heard) == len(source)
    assert snr_db(heard[len(heard) // 2 :], 1000, codec.rate) > least_db


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40, 50, 60])
@pytest.mark.parametrize("name", ["G722", "opus"])
def test_packet_times(name: str, ptime_ms: int) -> None:
    codec = CODECS[name]
    made = ptime(codec, ptime_ms)
    samples = codec.rate * made // 1000
    payload = encoder(codec, made).encode(tone(440, codec.rate, 0.06)[:samples])
    assert len(decoder(codec).decode(payload)) == samples
    assert name == "opus" or made == ptime_ms


def test_opus_follows_what_the_peer_says() -> None:
    codec = CODECS["opus"]
    source = tone(700, codec.rate, 0.02)
    small = encoder(codec, 20, "maxaveragebitrate=8000; cbr=1; useinbandfec=1")
    sizes = [len(small.encode(source)) for _ in range(20)]
    assert max(sizes[5:]) <= 8000 / 8 / 50 * 1.2
    assert encoder(codec, 20, "maxaveragebitrate=٣;;;=").encode(source)


def test_g729_is_decoded_and_never_made() -> None:
    codec = CODECS["G729"]
    back = decoder(codec)
    assert len(back.decode(bytes(20))) == 160
    assert len(back.decode(bytes(12))) == 160
    assert len(back.decode(b"")) == 0
    with pytest.raises(CodecError):
        back.decode(bytes(13))
    with pytest.raises(CodecMissing):
        encoder(codec, 20)


@pytest.mark.parametrize("name", sorted(CODECS))
def test_nonsense_is_an_error_of_the_peer_or_sound(name: str) -> None:
    codec = CODECS[name]
    back = decoder(codec)
    random = np.random.Generator(np.random.PCG64(7))
    for size in [0, 1, 2, 3, 7, 10, 12, 33, 160, 500]:
        for _ in range(10):
            try:
                samples = back.decode(random.integers(0, 256, size, dtype=np.uint8).tobytes())
            except CodecError:
                continue
            assert samples.dtype == np.int16
            assert len(samples) <= codec.rate * 0.12 or codec.name != "opus"


@pytest.mark.parametrize(
    ("rate_in", "rate_out"), [(8000, 16000), (16000, 8000), (48000, 16000), (48000, 8000)]
)
def test_resampler_keeps_a_tone(rate_in: int, rate_out: int) -> None:
    resampler = Resampler(rate_in, rate_out)
    out = resampler.process(tone(1000, rate_in, 1.0))
    assert abs(len(out) - rate_out) <= 1
    assert snr_db(out[rate_out // 10 :], 1000, rate_out) > 60
    level = np.abs(out[rate_out // 10 :]).max()
    assert 7900 < level < 8100


def test_resampler_rejects_what_would_alias() -> None:
    out = Resampler(16000, 8000).process(tone(5000, 16000, 1.0))
    assert np.abs(out[800:]).max() < 8000 / 300
    up = Resampler(8000, 16000).process(tone(3000, 8000, 1.0))
    spectrum = np.abs(np.fft.rfft(up[2000:10000].astype(float) * np.hanning(8000)))
    assert spectrum[2500].max() < spectrum[1500] / 300  # the image at 5 kHz


def test_resampler_does_not_care_how_input_is_cut() -> None:
    source = np.random.Generator(np.random.PCG64(1)).integers(-9000, 9000, 16000).astype(np.int16)
    for rates in ((8000, 16000), (16000, 8000), (48000, 16000)):
        whole = Resampler(*rates).process(source)
        cut, at, pieces = Resampler(*rates), 0, []
        for size in [1, 2, 3, 80, 160, 161, 7, 500] * 40:
            pieces.append(cut.process(source[at : at + size]))
            at += size
        pieces.append(cut.process(source[at:]))
        together = np.concatenate(pieces).astype(int)
        assert np.abs(together - whole).max() <= 1  # the order of a sum's terms is the library's


def test_resampler_delays_constantly() -> None:
    resampler = Resampler(8000, 16000)
    click = np.zeros(1600, np.int16)
    click[[100, 900]] = 20000
    out = resampler.process(click).astype(int)
    first, second = np.argmax(out[:1000]), 1000 + np.argmax(out[1000:])
    assert second - first == 1600
    assert first - 200 == round(resampler.delay_s * 16000)


def test_resampler_refuses_rates_without_a_whole_ratio() -> None:
    with pytest.raises(ValueError, match="no whole ratio"):
        Resampler(44100, 16000)


def test_concealment_continues_a_tone_and_fades() -> None:
    concealment = Concealment(8000)
    source = tone(200, 8000, 0.5)
    for at in range(0, 2000, 160):
        assert np.array_equal(concealment.good(source[at : at + 160]), source[at : at + 160])
    lost = concealment.conceal(80)
    expected = source[2080:2160]
    assert np.corrcoef(lost, expected)[0, 1] > 0.98
    assert not concealment.exhausted
    rest = concealment.conceal(480)
    assert np.abs(rest[-80:]).max() < 200
    assert concealment.exhausted
    back = concealment.good(source[:160])
    assert np.array_equal(back[40:], source[40:160])
