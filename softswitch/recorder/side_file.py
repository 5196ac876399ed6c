"""The file beside a recording that tells its markers, on disk: it appears whole and is replaced whole."""

import os
from pathlib import Path

from softswitch.recorder.markers import LARGEST

SUFFIX = ".json"


def side_of(recording: Path) -> Path:
    return recording.with_suffix(SUFFIX)


def write(recording: Path, content: bytes) -> None:
    """Raises OSError, and then what was there before still is."""
    path = side_of(recording)
    part = path.with_name(f".{path.name}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        fd = os.open(part, flags, 0o640)
        try:
            written = os.write(fd, content)
            while written < len(content):
                written += os.write(fd, content[written:])
        finally:
            os.close(fd)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def read(recording: Path) -> bytes:
    """Empty: there is none that can be read."""
    try:
        with side_of(recording).open("rb") as file:
            return file.read(LARGEST)
    except OSError:
        return b""
