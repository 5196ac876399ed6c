"""What was spoken already, as files of one folder: found by what was said and how, bounded by size. A shell.

A file's name is a hash of text, voice, rate and program, so that nothing of a text can be read from the folder's listing.
How long ago a file was heard is its time of change, which survives a restart. What was asked for a moment ago is not put
out: a media worker may be about to read it.
"""

import hashlib
import os
import re
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

SUFFIX: Final = ".wav"
KEY_CHARS: Final = 40
SPARED_S: Final = 60.0
TOUCH_S: Final = 60.0
"""A file's time is written no more often than this."""
_KEY: Final = re.compile(rf"[0-9a-f]{{{KEY_CHARS}}}")


def speech_key(text: str, voice: str, rate: int, command: Iterable[str]) -> str:
    """Of one text spoken in one way."""
    parts = (text, voice, str(rate), *command)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:KEY_CHARS]


class SpeechCache:
    """Raises OSError when the folder can be neither made nor read; later faults of the disk only make it forget."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()
        """By key, what was not heard for longest first."""
        self._used: dict[str, float] = {}
        self.bytes = 0
        folder.mkdir(parents=True, exist_ok=True)
        found = []
        for entry in os.scandir(folder):
            stem = entry.name.removesuffix(SUFFIX)
            if _KEY.fullmatch(stem) and entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                stat = entry.stat()
                found.append((stat.st_mtime, stem, stat.st_size))
            elif entry.name.startswith(".") and entry.name.endswith(".part.wav"):
                Path(entry.path).unlink(missing_ok=True)  # a crash left it
        for modified, key, size in sorted(found):
            self._sizes[key], self._used[key] = size, modified
            self.bytes += size

    def __len__(self) -> int:
        return len(self._sizes)

    def path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def find(self, key: str, now: float) -> Path | None:
        """The file of `key`, heard at this wall time."""
        if key not in self._sizes:
            return None
        path = self.path(key)
        self._sizes.move_to_end(key)
        if now - self._used[key] < TOUCH_S:
            return path
        self._used[key] = now
        try:
            os.utime(path, (now, now))
        except OSError:
            self._forget(key)
            return None
        return path

    def added(self, key: str, now: float) -> bool:
        """The file of `key` has been made; others go, where there is no room. False: it is not there."""
        try:
            size = self.path(key).stat().st_size
        except OSError:
            return False
        self._forget(key)
        self._sizes[key], self._used[key] = size, now
        self.bytes += size
        self._shrink(now)
        return True

    def _shrink(self, now: float) -> None:
        for key in list(self._sizes):
            if self.bytes <= self.max_bytes or now - self._used[key] < SPARED_S:
                return
            self._forget(key)
            with suppress(OSError):  # it is found again at the next start
                self.path(key).unlink(missing_ok=True)

    def _forget(self, key: str) -> None:
        self.bytes -= self._sizes.pop(key, 0)
        self._used.pop(key, None)
