"""Proves the rules of retention (age, days of a queue, room), and that a conversion is compared with its source before it
counts: every sample for FLAC, the length for Opus, in any encoding and number of tracks.

Does not prove when that happens nor what the store says of it; `tests/app/test_keeping.py` does.
"""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from test_recording_parties import T0, Talk, spec

from softswitch.errors import StorageError
from softswitch.recorder import convert
from softswitch.recorder.files import RecordingFolder
from softswitch.recorder.retention import DAY_S, Candidate, Rules, too_much, too_old
from softswitch.recorder.writer import RecordingWriter

NOW = 1_000 * DAY_S


def candidate(age_days: float, queue: str = "", size: int = 1) -> Candidate:
    return Candidate(recording=f"{queue}{age_days}", queue=queue, began=NOW - age_days * DAY_S, bytes=size)


def test_age_and_the_days_of_a_queue() -> None:
    rules = Rules(keep_days=30, queue_days={"sales": 365, "legal": 0, "test": 1})
    gone = [
        (age, queue)
        for age in (0.5, 2, 31, 366, 5000)
        for queue in ("", "other", "sales", "legal", "test")
        if too_old(candidate(age, queue), rules, NOW)
    ]
    assert gone == [
        (2, "test"),
        (31, ""), (31, "other"), (31, "test"),
        (366, ""), (366, "other"), (366, "sales"), (366, "test"),
        (5000, ""), (5000, "other"), (5000, "sales"), (5000, "test"),
    ]  # fmt: skip
    assert too_old(candidate(31), rules, NOW) == "older than 30 days"
    assert dict(rules.cutoffs(NOW)) == {"": NOW - 30 * DAY_S, "sales": NOW - 365 * DAY_S, "test": NOW - DAY_S}
    assert not too_old(candidate(10_000), Rules(), NOW)
    assert Rules().cutoffs(NOW) == []


def test_room_takes_the_oldest_and_no_more_than_needed() -> None:
    files = [candidate(age, size=100) for age in (9, 8, 7, 6)]
    assert too_much(files, 400, Rules(keep_bytes=400)) == []
    assert too_much(files, 400, Rules(keep_bytes=399)) == files[:1]
    assert too_much(files, 400, Rules(keep_bytes=150)) == files[:3]
    assert too_much(files, 400, Rules()) == []


def recording(path: Path, encoding: str, channels: int) -> None:
    writer = RecordingWriter(capacity=32)
    slot = writer.open(spec(path, encoding, channels), T0)
    talk = Talk(writer, slot)
    talk.run(2.0, *range(channels), law=8 if encoding == "PCMA" else 0)
    writer.close(slot, talk.now)


@pytest.mark.parametrize(
    ("encoding", "channels"), [("PCMU", 2), ("PCMA", 1), ("PCM16", 2), ("PCMU", 4), ("PCM16", 8)]
)
def test_flac_is_sample_exact(tmp_path: Path, encoding: str, channels: int) -> None:
    source = tmp_path / "a.wav"
    recording(source, encoding, channels)
    target = tmp_path / "a.flac"
    assert convert.convert_file(source, target, "flac", check=True) == 2.0
    old, new = (soundfile.read(path, dtype="int16", always_2d=True)[0] for path in (source, target))
    assert old.shape == (16000, channels)
    assert np.array_equal(old, new)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_opus_has_the_same_length(tmp_path: Path, channels: int) -> None:
    source = tmp_path / "a.wav"
    recording(source, "PCMU", channels)
    target = tmp_path / "a.opus"
    convert.convert_file(source, target, "opus", check=True)
    assert abs(soundfile.info(target).duration - 2.0) <= 0.1


def test_what_differs_never_gets_its_name(tmp_path: Path) -> None:
    source, other = tmp_path / "a.wav", tmp_path / "b.wav"
    recording(source, "PCM16", 2)
    samples, rate = soundfile.read(source, dtype="int16")
    samples[11_111, 1] ^= 1
    soundfile.write(other, samples, rate, subtype="PCM_16")
    with pytest.raises(StorageError, match="differs"):
        convert._compare(source, other, exact=True)
    convert._compare(source, other, exact=False)
    soundfile.write(other, samples[:-900], rate, subtype="PCM_16")
    with pytest.raises(StorageError, match="frames"):
        convert._compare(source, other, exact=False)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    with pytest.raises(StorageError):
        convert.convert_file(broken, tmp_path / "broken.flac", "flac", check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav", "broken.wav"]


def test_what_a_crash_left_of_conversions_is_found(tmp_path: Path) -> None:
    folder = RecordingFolder(tmp_path, "{recording}")
    day = tmp_path / "day"
    day.mkdir()
    for name in ("a.wav", "a.flac", "b.wav", "c.opus", "d.wav", "d.opus", ".e.flac.123.part", ".f.json.part"):
        (day / name).write_bytes(b"x")
    assert sorted(str(path) for path in folder.unfinished()) == ["day/a.wav", "day/d.wav"]
    assert not (day / ".e.flac.123.part").exists() and (day / ".f.json.part").exists()
    (day / "a.json").write_bytes(b"x")
    folder.delete("day/a.flac")
    folder.delete("day/gone.flac")
    assert not any((day / f"a{suffix}").exists() for suffix in (".flac", ".json", ".wav")), (
        "no twin outlives it"
    )
    with pytest.raises(StorageError):
        folder.delete("../x")
