"""The `queue_log` file: lines are appended one by one, each visible at once; the same rows go into the SQL table.

A file that was rotated away is noticed by its inode and made anew; lines of up to `LOOK_S` after that are still in the old
one. A file that cannot be written raises an alarm once and is tried again with each line; no call is ever held up or ended
by it.
"""

import os
from collections.abc import Callable
from pathlib import Path

from softswitch.errors import UnusableError
from softswitch.store.queue_log import line
from softswitch.store.rows import QueueLogRow
from softswitch.store.writer import AlarmCallback

ALARM = "queue_log"
LOOK_S = 0.05
"""To look whether the file is still in its place costs twice what a line costs: done no more often than this."""


class QueueLog:
    def __init__(
        self, path: Path | None, to_table: Callable[[QueueLogRow], None], on_alarm: AlarmCallback
    ) -> None:
        """`path` None writes the table only; raises UnusableError when the file cannot be written at start."""
        self._path = path
        self._to_table = to_table
        self._on_alarm = on_alarm
        self._fd = -1
        self._inode = (0, 0)
        self._looked = float("-inf")
        """Time of the line for which it was last looked where the file is."""
        self._failing = False
        self.lost = 0
        """Lines that did not reach the file; the table has them."""
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._open(path)
            except OSError as error:
                raise UnusableError(
                    f"queue_log {path}: cannot be written ({error.strerror}); give this user the right to, "
                    "or set `queue_log` to another file or to `off`"
                ) from error

    def write(self, row: QueueLogRow) -> None:
        self._to_table(row)
        if self._path is None:
            return
        try:
            self._append(self._path, (line(row) + "\n").encode("utf-8", "replace"), row.time)
        except OSError as error:
            self.lost += 1
            self.close()
            if not self._failing:
                self._failing = True
                self._on_alarm(ALARM, f"{self._path} cannot be written: {error.strerror}")
        else:
            if self._failing:
                self._failing = False
                self._on_alarm(ALARM, None)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _append(self, path: Path, data: bytes, now: float) -> None:
        if self._fd >= 0 and abs(now - self._looked) >= LOOK_S:  # a clock may be set back
            self._looked = now
            if self._rotated(path):
                self.close()
        if self._fd < 0:
            self._open(path)
        written = os.write(self._fd, data)
        if written < len(data):
            # Half a line on a full disk: end it, so that the next one stands by itself.
            os.write(self._fd, b"\n")

    def _rotated(self, path: Path) -> bool:
        try:
            status = os.stat(path)  # noqa: PTH116 - `Path.stat` costs three times as much
        except FileNotFoundError:
            return True
        return (status.st_dev, status.st_ino) != self._inode

    def _open(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        status = os.fstat(self._fd)
        self._inode = (status.st_dev, status.st_ino)
