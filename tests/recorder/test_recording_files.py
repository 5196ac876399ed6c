"""Proves how recordings are named and found, that nothing leads out of their folder, what an unusable folder or template
says, how a file that was left unfinished is repaired, and that exports are read by sox with the right length and sound.

Does not prove how libsndfile encodes; only that what it wrote is what we recorded.
"""

import asyncio
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from softswitch.errors import StorageError, UnusableError
from softswitch.g711 import DECODE_ULAW, ENCODE_ULAW
from softswitch.recorder.convert import FORMATS, convert, convert_file
from softswitch.recorder.files import RecordingFolder, name_of, repair
from softswitch.recorder.wav import LONGEST_HEADER, WavFormat, parse

NAME = {"wall": 1_790_000_000.0, "recording": "R1", "call": "C1"}


def test_name_follows_the_template_in_the_zone(tmp_path: Path) -> None:
    folder = RecordingFolder(
        tmp_path, "{day}/{queue}/{hour}-{agent}-{call}-{recording}", timezone="Asia/Tokyo"
    )
    assert folder.name(**NAME, queue="sales", agent="ana") == "2026-09-21/sales/23-ana-C1-R1.wav"
    assert folder.name(**NAME) == "2026-09-21/none/23-none-C1-R1.wav"


@pytest.mark.parametrize(
    "evil", ["../../etc/passwd", "..", "/etc", "a/../../b", "x\0y", "ñ\n|;rm", "." * 50, "a" * 500]
)
def test_value_cannot_lead_out_of_the_folder(tmp_path: Path, evil: str) -> None:
    folder = RecordingFolder(tmp_path, "{day}/{queue}/{agent}{recording}")
    name = folder.name(**NAME, queue=evil, agent=evil)
    assert folder.path(name).is_relative_to(tmp_path)
    assert len(name) <= 410 and not {".", "..", ""} & set(name.split("/"))


@given(st.dictionaries(st.sampled_from(["queue", "agent", "call"]), st.text(max_size=40)))
def test_any_value_gives_a_plain_name(values: dict[str, str]) -> None:
    name = name_of(
        "{day}/{queue}/{agent}/{recording}",
        {"day": "d", "queue": "", "agent": "", "recording": "r", **values},
    )
    assert name.isascii() and name.isprintable() and not name.startswith("/")
    assert not {".", "..", ""} & set(name.split("/"))


def test_path_outside_is_refused(tmp_path: Path) -> None:
    folder = RecordingFolder(tmp_path / "root", "{recording}")
    (tmp_path / "root" / "out").symlink_to(tmp_path)
    for name in ("../x.wav", "/etc/passwd", "out/x.wav", ".", ""):
        with pytest.raises(StorageError, match="is not below"):
            folder.path(name)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{day}/{ani}{recording}", "{ani} is unknown"),
        ("{day}/{call}", "needs {recording}"),
        ("{recording", "recording"),
    ],
)
def test_template_that_cannot_be_used_is_named(tmp_path: Path, template: str, why: str) -> None:
    with pytest.raises(UnusableError, match=why):
        RecordingFolder(tmp_path, template)


def test_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        UnusableError, match=r"recording\.directory .*file/x: cannot be written to .*name another folder"
    ):
        RecordingFolder(tmp_path / "file" / "x", "{recording}")


def test_little_room_is_a_problem(tmp_path: Path) -> None:
    assert RecordingFolder(tmp_path, "{recording}", min_free_mb=1).problem() == ""
    assert (
        "MB free, less than 100000000000"
        in RecordingFolder(tmp_path, "{recording}", min_free_mb=10**11).problem()
    )


def test_folder_on_a_full_disk_can_be_used_once_there_is_space(tmp_path: Path) -> None:
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", tmp_path], capture_output=True)
    if mount.returncode:
        pytest.skip("needs the right to mount")
    try:
        filler = tmp_path / "filler"
        with pytest.raises(OSError, match="No space left"):
            filler.write_bytes(bytes(32_768))
        folder = RecordingFolder(tmp_path, "{recording}", min_free_mb=0)
        assert [file.name for file in tmp_path.iterdir()] == ["filler"]
        assert "0 MB free" in RecordingFolder(tmp_path, "{recording}", min_free_mb=1).problem()
        filler.unlink()
        assert folder.problem() == ""
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_folder_that_vanished_is_a_problem(tmp_path: Path) -> None:
    folder = RecordingFolder(tmp_path / "gone", "{recording}", min_free_mb=1)
    (tmp_path / "gone").rmdir()
    assert "cannot be used" in folder.problem()


def formats() -> list[WavFormat]:
    return [
        WavFormat(encoding=encoding, channels=channels)
        for encoding in ("PCMU", "PCMA", "PCM16")
        for channels in (1, 2)
    ]


@pytest.mark.parametrize("format", formats(), ids=str)
def test_header_says_the_same_to_soxi_and_soundfile(tmp_path: Path, format: WavFormat) -> None:
    path = tmp_path / "h.wav"
    for frames in (0, 1, 8001):
        size = frames * format.frame_bytes
        path.write_bytes(format.header(frames) + bytes(size + size % 2))
        parsed = parse(path.read_bytes()[:LONGEST_HEADER])
        assert parsed is not None and (parsed.format, parsed.frames) == (format, frames)
        if frames:
            assert subprocess.run(["soxi", "-s", path], capture_output=True, text=True).stdout.strip() == str(
                frames
            )
        info = soundfile.info(path)
        assert (info.frames, info.channels, info.samplerate) == (frames, format.channels, 8000)


@pytest.mark.parametrize("format", formats(), ids=str)
def test_repair_finds_the_true_length(tmp_path: Path, format: WavFormat) -> None:
    path = tmp_path / "r.wav"
    path.write_bytes(format.header(8000) + bytes(12_001 * format.frame_bytes))
    assert repair(path) == 12_001 / 8000
    assert repair(path) == 12_001 / 8000
    assert path.stat().st_size % 2 == 0
    assert soundfile.info(path).frames == 12_001
    # Half a frame more, and a header that promises what is not there.
    path.write_bytes(format.header(90_000) + bytes(4000 * format.frame_bytes + format.frame_bytes - 1))
    assert repair(path) == 0.5
    assert soundfile.info(path).frames == 4000


@pytest.mark.parametrize("content", [b"", b"RIFF", bytes(100), b"RIFF\0\0\0\0WAVEfmt " + b"\xff" * 80])
def test_what_is_not_ours_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    assert repair(path) is None
    assert path.read_bytes() == content
    assert repair(tmp_path / "missing.wav") is None


def recorded(path: Path, seconds: float = 2.0) -> np.ndarray:
    tone = (np.sin(np.arange(int(8000 * seconds)) * 2 * np.pi * 440 / 8000) * 8000).astype(np.int16)
    codes = ENCODE_ULAW[tone.view(np.uint16)]
    frames = np.stack([codes, np.full_like(codes, 0xFF)], axis=1)
    path.write_bytes(WavFormat(encoding="PCMU", channels=2).header(len(codes)) + frames.tobytes())
    return np.stack([DECODE_ULAW[codes], np.zeros_like(tone)], axis=1)


def soxi_samples(path: Path) -> str:
    return subprocess.run(["soxi", "-s", path], capture_output=True, text=True).stdout.strip()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("format", FORMATS)
async def test_export_is_read_by_others(tmp_path: Path, format: str) -> None:
    source, target = tmp_path / "s.wav", tmp_path / f"t.{format}"
    sound = recorded(source)
    assert await convert(source, target, format) == 2.0
    read, rate = soundfile.read(target, dtype="int16")
    assert abs(len(read) / rate - 2.0) < 0.01
    if format == "opus":
        louder = np.abs(read.astype(float)).mean(axis=0)
        assert louder[0] > 2000 and louder[1] < 50
    else:
        assert np.array_equal(read, sound)
        assert soxi_samples(target) == "16000"
    assert names_in(tmp_path) == ["s.wav", target.name]


async def test_export_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"not a recording")
    for source, target, format in (
        (tmp_path / "bad.wav", tmp_path / "o.flac", "flac"),
        (tmp_path / "none.wav", tmp_path / "o.flac", "flac"),
        (tmp_path / "bad.wav", tmp_path / "o.mp3", "mp3"),
    ):
        with pytest.raises(StorageError):
            await convert(source, target, format)
    assert names_in(tmp_path) == ["bad.wav"]


async def test_export_does_not_hold_up_the_loop(tmp_path: Path) -> None:
    recorded(tmp_path / "s.wav", 60.0)
    ticks = 0
    task = asyncio.create_task(convert(tmp_path / "s.wav", tmp_path / "t.opus", "opus"))
    while not task.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert await task == 60.0 and ticks > 10


def test_export_to_a_folder_that_is_not_there(tmp_path: Path) -> None:
    recorded(tmp_path / "s.wav")
    with pytest.raises(StorageError):
        convert_file(tmp_path / "s.wav", tmp_path / "no" / "t.flac", "flac")
