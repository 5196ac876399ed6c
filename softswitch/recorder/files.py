"""Where recordings lie: names from a template, folders, room on the disk, and what a crash left unfinished.

A name is made of generated ids and of names out of the configuration, never of what a peer sent; each part is cut down to
letters, digits, `-`, `_` and `.`, and the result must lie under the root.
"""

import errno
import os
import re
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from string import Formatter
from zoneinfo import ZoneInfo

from softswitch.errors import StorageError, UnusableError
from softswitch.recorder.repair import repair_of
from softswitch.recorder.side_file import side_of
from softswitch.recorder.wav import LONGEST_HEADER

FIELDS = frozenset({"day", "hour", "recording", "call", "queue", "agent"})
CONVERTED = (".flac", ".opus")
_PART = re.compile(r"\..+\.(flac|opus)\.[0-9]+\.part")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_PART = 100
_LONGEST_PATH = 400


class RecordingFolder:
    def __init__(self, root: Path, template: str, *, min_free_mb: int = 0, timezone: str = "UTC") -> None:
        """Raises UnusableError when the folder or the template cannot be used; says what to do."""
        self.root = root
        self._template = _checked(template)
        self._min_free = min_free_mb * 1_000_000
        self._zone = ZoneInfo(timezone)
        _check_writable(root)

    def name(self, *, wall: float, recording: str, call: str, queue: str = "", agent: str = "") -> str:
        """Path of a new file below the root, with `.wav`."""
        local = datetime.fromtimestamp(wall, self._zone)
        values = {
            "day": local.strftime("%Y-%m-%d"),
            "hour": local.strftime("%H"),
            "recording": recording,
            "call": call,
            "queue": queue or "none",
            "agent": agent or "none",
        }
        return name_of(self._template, values) + ".wav"

    def path(self, name: str) -> Path:
        """Where `name` lies; raises StorageError when that is not below the root, by `..` or by a link."""
        root = self.root.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root) or path == root:
            raise StorageError(f"recording {name!r} is not below {self.root}")
        return path

    def problem(self) -> str:
        """Why no recording may begin now; empty: it may."""
        try:
            free = shutil.disk_usage(self.root).free
        except OSError as error:
            return f"{self.root} cannot be used: {error.strerror}"
        if free < self._min_free:
            return f"{self.root} has {free // 1_000_000} MB free, less than {self._min_free // 1_000_000}"
        return "" if os.access(self.root, os.W_OK | os.X_OK) else f"{self.root} cannot be written to"

    @property
    def nearly_full(self) -> bool:
        """Less than half of the room that there has to be: what is being recorded should end while it ends well."""
        try:
            return shutil.disk_usage(self.root).free < self._min_free / 2
        except OSError:
            return False

    def size(self, name: str) -> int | None:
        """Bytes of a recording; None: there is none."""
        try:
            return self.path(name).stat().st_size
        except (OSError, StorageError):
            return None

    def delete(self, name: str) -> None:
        """A recording and what lies beside it, with the twin that a crash in the midst of its conversion left; one that is
        gone already is as good. Raises OSError and StorageError."""
        path = self.path(name)
        twins = (path.with_suffix(suffix) for suffix in (".wav", *CONVERTED))
        for each in (path, *twins, side_of(path)):
            each.unlink(missing_ok=True)

    def unfinished(self) -> list[Path]:
        """What a crash in the midst of a conversion left: parts, which are removed, and the names of recordings that have a
        converted twin. To be asked before anything is converted."""
        twins: list[Path] = []
        for path in self.root.rglob("*"):
            if _PART.fullmatch(path.name):
                path.unlink(missing_ok=True)
            elif path.suffix == ".wav" and any(path.with_suffix(each).exists() for each in CONVERTED):
                twins.append(path.relative_to(self.root))
        return twins

    def repair(self, name: str) -> float | None:
        """Make a recording that a crash left unfinished whole; its length in seconds. None: no recording is there."""
        return repair(self.path(name))


def name_of(template: str, values: Mapping[str, str]) -> str:
    """The template with safe values; no part of the path is empty, `.` or `..`."""
    safe = {key: _safe(value) for key, value in values.items()}
    parts = [_safe(part) for part in template.format_map(safe).split("/")]
    return "/".join(part for part in parts if part)[:_LONGEST_PATH]


def repair(path: Path) -> float | None:
    """Write the sizes that the file really has into its header; its length in seconds. None: not a recording of ours."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        size = os.fstat(fd).st_size
        found = repair_of(os.pread(fd, LONGEST_HEADER, 0), size)
        if found is None:
            return None
        if found.padding:
            os.pwrite(fd, b"\0", size)
        if found.header:
            os.pwrite(fd, found.header, 0)
        return found.seconds
    finally:
        os.close(fd)


def _safe(value: str) -> str:
    return _UNSAFE.sub("_", value)[:_LONGEST_PART].lstrip(".")


def _checked(template: str) -> str:
    try:
        names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise UnusableError(f"recording.template {template!r}: {error}") from error
    unknown = names - FIELDS
    if unknown:
        known = " ".join(f"{{{name}}}" for name in sorted(FIELDS))
        raise UnusableError(
            f"recording.template {template!r}: {{{min(unknown)}}} is unknown; known are {known}"
        )
    if "recording" not in names:
        raise UnusableError(
            f"recording.template {template!r}: needs {{recording}}, so that no two files share a name"
        )
    return template


def _check_writable(root: Path) -> None:
    """A full disk is no reason not to start: it may be free again before the next call, and each recording asks."""
    probe = root / f".probe-{os.getpid()}"
    try:
        root.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(b"probe")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not root.is_dir():
            raise UnusableError(
                f"recording.directory {root}: cannot be written to ({error.strerror}); "
                "give this user the right to, or name another folder"
            ) from error
