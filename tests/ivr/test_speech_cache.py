"""Proves the cache of spoken texts: found by text, voice, rate and program alike, bounded by size with what was not heard
for longest put out first, alive after a restart, without leftovers of a crash; and the program: espeak-ng itself, the text
on standard input whatever is in it, one that hangs, fails, makes no sound or is missing.

Does not prove that callers wait for nothing: `tests/story/test_voice_story.py` does.
"""

import os
import time
from pathlib import Path

import pytest
import soundfile

from softswitch.config.voice import Speech, check_command, host_and_port
from softswitch.ivr.speech_cache import SpeechCache, speech_key
from softswitch.ivr.speech_program import SpeechFailed, SpeechOrder, speak_to_file

NOW = 1_800_000_000.0
COMMAND = ("say", "{file}")


def key(number: int) -> str:
    return speech_key(f"text {number}", "en", 165, COMMAND)


def add(cache: SpeechCache, number: int, now: float, size: int = 1000) -> None:
    cache.path(key(number)).write_bytes(bytes(size))
    assert cache.added(key(number), now)


def test_keys_tell_all_that_is_heard_apart() -> None:
    one = speech_key("Hello", "en", 165, COMMAND)
    others = [
        speech_key("Hello ", "en", 165, COMMAND),
        speech_key("Hello", "es", 165, COMMAND),
        speech_key("Hello", "en", 166, COMMAND),
        speech_key("Hello", "en", 165, ("other", "{file}")),
    ]
    assert len({one, *others}) == 5 and one == speech_key("Hello", "en", 165, COMMAND)
    assert "Hello" not in one and len(one) == 40


def test_what_was_not_heard_for_longest_goes(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path / "speech", 3500)
    for number in range(3):
        add(cache, number, NOW + number)
    assert cache.find(key(0), NOW + 100) is not None
    add(cache, 3, NOW + 200)
    assert cache.find(key(1), NOW + 200) is None and cache.find(key(0), NOW + 200) is not None
    assert (len(cache), cache.bytes, len(list((tmp_path / "speech").iterdir()))) == (3, 3000, 3)


def test_what_was_asked_for_a_moment_ago_stays(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 1500)
    add(cache, 0, NOW)
    add(cache, 1, NOW + 30)
    assert len(cache) == 2, "a media worker may be about to read it"
    add(cache, 2, NOW + 100)
    assert len(cache) == 1 and cache.find(key(2), NOW + 100) is not None


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 10_000)
    for number in range(3):
        add(cache, number, NOW)
        os.utime(cache.path(key(number)), (NOW - 1000 + number, NOW - 1000 + number))
    cache.find(key(0), NOW + 1000)
    (tmp_path / ".0123.99.part.wav").write_bytes(b"half")
    (tmp_path / "other.txt").write_bytes(b"not ours")
    again = SpeechCache(tmp_path, 2500)
    assert (len(again), again.bytes) == (3, 3000)
    assert not (tmp_path / ".0123.99.part.wav").exists() and (tmp_path / "other.txt").exists()
    add(again, 3, NOW + 2000)
    assert again.find(key(0), NOW + 2000) is not None and again.find(key(1), NOW + 2000) is None


def test_a_file_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 10_000)
    add(cache, 0, NOW)
    cache.path(key(0)).unlink()
    assert cache.find(key(0), NOW + 100) is None and (len(cache), cache.bytes) == (0, 0)


def test_a_disk_that_takes_nothing_away_only_makes_it_forget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = SpeechCache(tmp_path, 1500)
    add(cache, 0, NOW)

    def refused(self: Path, missing_ok: bool = False) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refused)
    add(cache, 1, NOW + 100)
    assert cache.find(key(0), NOW + 100) is None and cache.find(key(1), NOW + 100) is not None


# --- the program --------------------------------------------------------------------------------------------------------


def order(tmp_path: Path, *command: str, text: str = "Hello", timeout_s: float = 20.0) -> SpeechOrder:
    file = tmp_path / "made.wav"
    return SpeechOrder(
        command=command or Speech().command,
        text=text,
        voice="en-gb",
        rate=165,
        timeout_s=timeout_s,
        file=file,
    )


def test_espeak_speaks_whatever_is_in_the_text(tmp_path: Path) -> None:
    wanted = order(tmp_path, text="-w /etc/passwd; $(reboot) «¿Qué?» ăîș \udc80 -")
    speak_to_file(wanted)
    info = soundfile.info(str(wanted.file))
    assert info.duration > 0.5 and [path.name for path in tmp_path.iterdir()] == ["made.wav"]


def shell(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script, "sh", "{file}", "{voice}", "{rate}")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("sleep 30", "did not end within"),
        ("echo broken >&2; exit 3", "failed: broken"),
        ("cat > /dev/null", "No such file|no sound"),
        ("cat > $1", "no sound"),
    ],
)
def test_a_program_that_does_not_speak_is_told_of(tmp_path: Path, script: str, problem: str) -> None:
    began = time.monotonic()
    with pytest.raises(SpeechFailed, match=problem):
        speak_to_file(order(tmp_path, *shell(script), timeout_s=2.0))
    assert time.monotonic() - began < 20 and list(tmp_path.iterdir()) == []


def test_a_program_that_hangs_goes_with_all_that_it_has_started(tmp_path: Path) -> None:
    child = tmp_path / "child"
    with pytest.raises(SpeechFailed, match="did not end"):
        speak_to_file(order(tmp_path, *shell(f"sleep 60 & echo $! > {child}; wait"), timeout_s=2.0))
    number, until = int(child.read_text()), time.monotonic() + 10
    while _runs(number) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(number)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpeechFailed, match="not installed"):
        speak_to_file(order(tmp_path, "no-such-speaker", "{file}"))


def test_what_can_be_configured() -> None:
    assert check_command(Speech().command) == "" and check_command(()) == ""
    assert "lacks {file}" in check_command(("say",)) and "{text}" in check_command(
        ("say", "{text}", "{file}")
    )
    assert host_and_port("smtp://mail.example.org") == ("mail.example.org", 25, False)
    assert host_and_port("smtps://[2001:db8::1]:4650") == ("2001:db8::1", 4650, True)
    assert host_and_port("smtps://[2001:db8::1]") == ("2001:db8::1", 465, True)
