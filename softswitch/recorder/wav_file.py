"""One growing WAV file: append, patch the header, end well, whatever the disk does.

After each append the header is written too, so the file is whole as it stands: data first, header after it, so that it
never promises what is not there. No `fsync`: what is written survives the end of the process, not the loss of power.
"""

import os
from pathlib import Path

from softswitch.recorder.repair import repair_of
from softswitch.recorder.wav import LONGEST_DATA, LONGEST_HEADER, WavFormat, parse

_BLOCK = 4096


class WavFile:
    """`keep_open` False opens the file for each write: slower, and without a descriptor in between."""

    def __init__(self, path: Path, format: WavFormat, *, keep_open: bool, goes_on: bool = False) -> None:
        """Raises OSError when the file cannot be made; an existing one is never overwritten. `goes_on`: one of this format
        is mended and grows on."""
        self.path = path
        self.format = format
        self.frames = 0
        self._frame_bytes, self._header_bytes = format.frame_bytes, format.header_bytes
        self.keep_open = keep_open
        path.parent.mkdir(parents=True, exist_ok=True)
        if goes_on and path.exists():
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                self._mend()
            except OSError:
                self.drop()
                raise
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            self._fd = os.open(path, flags, 0o640)
            try:
                self._write(format.header(0), 0)
            except OSError:
                self.drop()
                path.unlink(missing_ok=True)
                raise
        self._rest()

    def _mend(self) -> None:
        """Count what the file holds and write that into its header; half a frame at its end is cut off."""
        header, size = os.pread(self._fd, LONGEST_HEADER, 0), os.fstat(self._fd).st_size
        found, wav = repair_of(header, size), parse(header)
        if found is None or wav is None or wav.format != self.format:
            raise OSError(f"{self.path.name} is not the beginning of this recording")
        # A header that is right knows whether the last byte is sound, or the one that makes the size even.
        self.frames = wav.frames if not found.header else (size - self._header_bytes) // self._frame_bytes
        if found.header:
            os.pwrite(self._fd, found.header, 0)
        os.ftruncate(self._fd, self._header_bytes + self.frames * self._frame_bytes)

    @property
    def room(self) -> int:
        """Frames until RIFF can count no further."""
        return LONGEST_DATA // self._frame_bytes - self.frames

    def append(self, block: bytes | memoryview) -> None:
        """Whole frames; raises OSError, and then holds as much as went to disk."""
        self._reopen()
        start = self._header_bytes + self.frames * self._frame_bytes
        written = 0
        try:
            written = os.pwrite(self._fd, block, start)
            while written < len(block):
                written += os.pwrite(self._fd, block[written:], start + written)
        finally:
            self.frames += written // self._frame_bytes
            if written:
                self._write(self.format.header(self.frames), 0)
        self._rest()

    def finish(self) -> None:
        """Make it final; raises OSError."""
        self._reopen()
        size = self.frames * self._frame_bytes
        end = self._header_bytes + size
        os.ftruncate(self._fd, end)
        if size % 2:
            self._write(b"\0", end)
        self._write(self.format.header(self.frames), 0)
        self.drop()

    def shorten(self) -> None:
        """Give back the last block of the disk, at most 4 KiB of sound, to make room for the side file that says why."""
        self._reopen()
        end = (self._header_bytes + self.frames * self._frame_bytes - 1) // _BLOCK * _BLOCK
        self.frames = max(0, end - self._header_bytes) // self._frame_bytes
        self.finish()

    def drop(self) -> None:
        """Close without another word."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, data: bytes, offset: int) -> None:
        if os.pwrite(self._fd, data, offset) < len(data):
            os.pwrite(self._fd, data, offset)

    def _reopen(self) -> None:
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)

    def _rest(self) -> None:
        if not self.keep_open:
            self.drop()
