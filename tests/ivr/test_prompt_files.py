"""Proves: every shipped prompt is WAV, 8 kHz, mono, 16 bit, not silent and not clipped, as Python's `wave` and soundfile
both read it; the same names in all languages where the caller hears a sentence; the music loops without a seam; the
library finds the user's file first, falls back by language, and is never led out of its folders.

Does not prove: that espeak-ng speaks well.
"""

import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from softswitch.ivr.prompts import SHIPPED, PromptLibrary
from softswitch.ivr.say import LANGUAGES
from softswitch.ivr.speech import SpeechError, speak

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from build_prompts import catalogue

NEEDED = [
    "welcome",
    "menu",
    "invalid",
    "goodbye",
    "closed",
    "holiday",
    "please-wait",
    "busy",
    "leave-message",
    "unknown-number",
    "recording-notice",
    "agent-login",
    "agent-logout",
    "agent-paused",
    "agent-resumed",
    "agent-announce",
]


def sound(path: Path, seconds: float = 0.2, **keys: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(8000 * seconds)) / 8000)
    soundfile.write(str(path), tone, 8000, **keys)
    return path


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_is_what_is_shipped(language: str) -> None:
    files = {path.stem for path in (SHIPPED / language).glob("*.wav")}
    assert files == catalogue(language).keys()
    assert files >= set(NEEDED)


@pytest.mark.parametrize("folder", ["", *LANGUAGES])
def test_format_and_level(folder: str) -> None:
    paths = sorted((SHIPPED / folder).glob("*.wav"))
    assert paths
    for path in paths:
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000), path
            raw = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
        samples, rate = soundfile.read(str(path))
        assert rate == 8000 and len(samples) == len(raw)
        assert np.array_equal(np.rint(samples * 32768), raw)
        assert 0.1 < len(raw) / 8000 < 30, path
        assert np.sqrt(np.mean(raw**2)) > 500, f"{path} is silent"
        assert np.abs(raw).max() < 32767, f"{path} is clipped"


def test_the_whole_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*")) < 20_000_000


def test_music_loops_without_a_seam() -> None:
    samples, _ = soundfile.read(str(SHIPPED / "music.wav"))
    assert 20 <= len(samples) / 8000 <= 30
    steps = np.abs(np.diff(samples))
    assert abs(samples[0] - samples[-1]) <= np.quantile(steps, 0.99)


def test_own_files_go_first_in_any_format(tmp_path: Path) -> None:
    own = sound(tmp_path / "en" / "welcome.flac")
    music = sound(tmp_path / "music.ogg")
    library = PromptLibrary.of(str(tmp_path), "en")
    assert library.find("welcome", "en") == own.resolve()
    assert library.find("music", "ro") == music.resolve()
    assert library.find("closed", "en") == (SHIPPED / "en" / "closed.wav").resolve()
    assert library.problems() == ()


def test_languages_fall_back(tmp_path: Path) -> None:
    english = sound(tmp_path / "en" / "offer.wav")
    spanish = sound(tmp_path / "es" / "news.wav")
    library = PromptLibrary((tmp_path,), ("es",))
    assert library.find("offer", "ro") == english.resolve()
    assert library.find("news", "ro") == spanish.resolve()
    assert library.find("nothing", "ro") is None
    assert library.names("ro") == frozenset()
    assert library.missing(["offer", "nothing", "nothing"]) == ("nothing",)
    assert library.missing(["offer", "news"], "es") == ("offer",)


@pytest.mark.parametrize(
    "name", ["../secret", "en/welcome", "/etc/passwd", "..", ".", "", "welcome.wav", "a\0b"]
)
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    sound(tmp_path / "secret.wav")
    sound(tmp_path / "prompts" / "en" / "welcome.wav")
    assert PromptLibrary((tmp_path / "prompts",), ("en",)).find(name, "en") is None


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    secret = sound(tmp_path / "secret.wav")
    (tmp_path / "prompts" / "en").mkdir(parents=True)
    (tmp_path / "prompts" / "en" / "welcome.wav").symlink_to(secret)
    (tmp_path / "prompts" / "es").symlink_to(tmp_path)
    library = PromptLibrary((tmp_path / "prompts",), ("en",))
    assert library.find("welcome", "en") is None
    assert library.find("secret", "es") is None
    assert sum("leads out of" in problem for problem in library.problems()) == 2


def test_problems_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "en").mkdir()
    (tmp_path / "Greetings").mkdir()
    (tmp_path / "en" / "broken.wav").write_bytes(b"RIFF no sound")
    (tmp_path / "en" / "two words.wav").write_bytes(b"")
    soundfile.write(str(tmp_path / "en" / "empty.wav"), np.zeros(0), 8000)
    problems = PromptLibrary((tmp_path,), ("en",)).problems()
    assert len(problems) == 4
    for words in ("not named for a language", "convert it", "rename it", "is empty"):
        assert sum(words in problem for problem in problems) == 1
    (problem,) = PromptLibrary((tmp_path / "missing",), ("en",)).problems()
    assert "prompts.directory" in problem


def test_speech_makes_a_prompt_like_those_shipped(tmp_path: Path) -> None:
    speak("-v is no option here", "en", tmp_path / "en" / "new.wav")
    with wave.open(str(tmp_path / "en" / "new.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
    samples, _ = soundfile.read(str(tmp_path / "en" / "new.wav"))
    assert 0.5 < len(samples) / 8000 < 5
    assert 0.5 < np.abs(samples).max() < 0.8
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    assert loud[0] < 400 and len(samples) - loud[-1] < 800, "silence was not cut off"


def test_speech_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpeechError, match="install"):
        speak("hello", "en", tmp_path / "new.wav")
