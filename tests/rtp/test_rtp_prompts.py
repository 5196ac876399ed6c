"""Proves: files of any format, rate and channel count become 8 kHz mono as sox makes them; what cannot be read is told;
the cache is bounded, and a changed file is read again; loading never blocks the caller.

Does not prove how prompts are played (test_rtp_playout.py).
"""

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from softswitch.rtp import prompts
from softswitch.rtp.prompt import Prompt, PromptProblem
from softswitch.rtp.prompt_rate import to_8k
from softswitch.rtp.prompts import Prompts, load


def sweep(rate: int, seconds: float = 1.0) -> np.ndarray:
    time_ = np.arange(round(rate * seconds)) / rate
    return (0.4 * np.sin(2 * np.pi * (200 + 1200 * time_) * time_)).astype(np.float32)


def wait(library: Prompts, path: Path) -> Prompt | PromptProblem:
    until = time.monotonic() + 5
    while (found := library.get(str(path))) is None:
        assert time.monotonic() < until
        time.sleep(0.002)
    return found


@pytest.mark.parametrize("rate", [6000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000])
def test_resampling_keeps_the_band_and_adds_nothing(rate: int) -> None:
    got = to_8k(sweep(rate), rate)
    assert len(got) == 8000
    wanted = sweep(8000)
    error = (got - wanted)[200:-200]
    assert 10 * np.log10((error**2).mean() / (wanted**2).mean()) < -70
    if rate > 12000:
        above = np.sin(2 * np.pi * 5300 * np.arange(rate) / rate).astype(np.float32)
        assert np.abs(to_8k(above, rate)[200:-200]).max() < 1e-4


def test_a_stereo_file_sounds_as_sox_makes_it(tmp_path: Path) -> None:
    source, wanted_path = tmp_path / "in.flac", tmp_path / "out.wav"
    soundfile.write(source, np.stack([sweep(44100), sweep(44100) * 0.5], axis=1), 44100)
    command = ["sox", str(source), "-r", "8000", "-b", "16", str(wanted_path), "remix", "1,2", "rate", "-v"]
    subprocess.run(command, check=True, timeout=30)
    wanted = soundfile.read(wanted_path, dtype="int16")[0]
    got = load(str(source))
    assert isinstance(got, Prompt)
    assert len(got) == len(wanted)
    error = (got.linear.astype(float) - wanted)[200:-200]
    assert 10 * np.log10((error**2).mean() / (wanted.astype(float) ** 2).mean()) < -45


FORMATS = [
    "wav PCM_16",
    "wav ULAW",
    "wav ALAW",
    "wav FLOAT",
    "ogg OPUS",
    "flac PCM_24",
    "au PCM_16",
    "mp3 MPEG_LAYER_III",
]


@pytest.mark.parametrize("kind", FORMATS)
def test_formats(tmp_path: Path, kind: str) -> None:
    suffix, subtype = kind.split()
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, sweep(16000), 16000, subtype=subtype)
    got = load(str(path))
    assert isinstance(got, Prompt)
    assert len(got) == pytest.approx(8000, abs=700)
    assert np.abs(got.linear).max() > 9000


def test_g711_files_of_8_khz_are_played_bit_exact(tmp_path: Path) -> None:
    codes = np.random.default_rng(1).integers(0, 256, 4000, np.uint8)
    codes = codes[codes != 0x7F]  # µ-law has two zeros; encoding makes one of them
    path = tmp_path / "x.ulaw"
    path.write_bytes(codes.tobytes())
    samples, _ = soundfile.read(
        path, samplerate=8000, channels=1, format="RAW", subtype="ULAW", dtype="int16"
    )
    soundfile.write(tmp_path / "x.wav", samples, 8000, subtype="ULAW")
    got = load(str(tmp_path / "x.wav"))
    assert isinstance(got, Prompt)
    assert got.ulaw.tobytes() == codes.tobytes()


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("this is no audio")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.int16), 8000)
    for name in ("text.wav", "empty.wav", "missing.wav", ".", "a\0b"):
        got = load(str(tmp_path / name))
        assert isinstance(got, PromptProblem)
        assert got.problem


def test_the_library_loads_aside_keeps_what_it_read_and_sees_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompts, "CHECK_S", -1.0)
    library = Prompts()
    path = tmp_path / "x.wav"
    soundfile.write(path, sweep(8000), 8000)
    assert library.get(str(path)) is None
    first = wait(library, path)
    assert wait(library, path) is first
    soundfile.write(path, sweep(8000, 0.5), 8000)
    second = wait(library, path)
    assert isinstance(second, Prompt)
    assert len(second) == 4000
    path.unlink()
    assert isinstance(wait(library, path), PromptProblem)
    assert isinstance(library.get("tone:beep"), Prompt)
    assert isinstance(library.get("tone:x"), PromptProblem)
    library.close()


def test_the_cache_is_bounded_and_forgets_what_was_not_played_for_longest(tmp_path: Path) -> None:
    library = Prompts(cache_bytes=100_000)
    for n in range(6):
        path = tmp_path / f"{n}.wav"
        soundfile.write(path, sweep(8000), 8000)
        wait(library, path)
        wait(library, tmp_path / "0.wav")
    kept = list(library._entries)
    assert len(kept) == 3
    assert str(tmp_path / "0.wav") in kept
    library.close()
