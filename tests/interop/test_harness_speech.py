"""Proves that the judge of speech knows a sentence again after what a call does to it, and takes no other for it.

Does not prove that a person would agree on borderline audio; sentences here are espeak-ng's.
"""

import warnings
import wave
from pathlib import Path

import numpy as np
import pytest

from tools.peers.g711 import PCMA, PCMU, Samples, decode, encode, read_wav, write_wav
from tools.peers.speech import HEARD, correlation, sentence, silence, speak, tone, who_spoke

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop  # Python 3.13 and newer: of the package audioop-lts

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def sentences() -> list[Samples]:
    return [sentence(number) for number in range(6)]


def _after_a_call(spoken: Samples, law: int = PCMU) -> Samples:
    """Quieter, coded, late, and with a frame lost each second."""
    line = np.concatenate([silence(1.3), (spoken // 3).astype(np.int16), silence(2)])
    frames = decode(encode(line, law), law)[: len(line) // 160 * 160].reshape(-1, 160)
    kept = np.ones(len(frames), dtype=bool)
    kept[70::50] = False
    return frames[kept].ravel()


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_g711_tables_are_those_of_audioop(law: int) -> None:
    to_linear = audioop.ulaw2lin if law == PCMU else audioop.alaw2lin
    assert decode(bytes(range(256)), law).tobytes() == to_linear(bytes(range(256)), 2)


def test_the_right_sentence_scores_high_with_delay_and_gain(sentences: list[Samples]) -> None:
    for spoken in sentences[:3]:
        match = correlation(spoken, _after_a_call(spoken))
        assert match.score > 0.8
        assert match.delay_s == pytest.approx(1.3, abs=0.05)
        assert match.gain == pytest.approx(1 / 3, rel=0.2)


def test_another_sentence_of_the_same_voice_scores_clearly_lower(sentences: list[Samples]) -> None:
    for at, spoken in enumerate(sentences):
        heard = _after_a_call(spoken)
        others = [
            correlation(other, heard).score for position, other in enumerate(sentences) if position != at
        ]
        assert max(others) < 0.45 < HEARD


def test_eight_bit_sound_of_pyvoip_is_known_again(sentences: list[Samples], tmp_path: Path) -> None:
    path = write_wav(tmp_path / "eight.wav", sentences[0], width=1)
    assert correlation(sentences[0], read_wav(path)[:, 0]).score > 0.9


def test_silence_music_and_short_sound_are_no_speech(sentences: list[Samples]) -> None:
    for sound in (silence(5), silence(0), tone(440, 880, seconds=5), sentences[0][:800]):
        assert correlation(sentences[0], sound).score < HEARD


def test_who_spoke_names_one_and_refuses_two(sentences: list[Samples]) -> None:
    candidates = {"caller": sentences[0], "agent": sentences[1]}
    assert who_spoke(_after_a_call(sentences[1]), candidates) == "agent"
    assert who_spoke(silence(3), candidates) is None
    assert who_spoke(np.concatenate([sentences[0], sentences[1]]), candidates) is None


def test_speech_is_of_the_asked_length_and_loud() -> None:
    spoken = speak("hello caller")
    assert 4000 < len(spoken) < 16000
    assert np.abs(spoken).max() > 3000


def test_wav_files_are_read_as_python_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.array([[1, -1], [2, -2]], dtype="<i2").tobytes())
    assert read_wav(path).tolist() == [[1, -1], [2, -2]]
