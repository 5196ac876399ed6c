"""Proves that a message which cannot be copied whole into another box leaves no half of it on the disk.

Does not prove forwarding itself: `tests/story/test_voicemail_story.py` does.
"""

import shutil
from pathlib import Path

import pytest

from softswitch.call import message_desk


def test_half_a_copy_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "m.wav", tmp_path / "2026" / "copy.wav"
    source.write_bytes(bytes(1000))

    def full(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", full)
        with pytest.raises(OSError, match="No space left"):
            message_desk._copied(source, target)
    assert not target.exists() and source.exists()
    message_desk._copied(source, target)
    assert target.read_bytes() == source.read_bytes()
