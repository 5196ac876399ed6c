"""Ladders of failed calls on disk, one compressed file each, so many and no more; written from a thread."""

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter
from pydantic_core import to_json

from softswitch.api.trace_views import CallTraceView

MAX_BYTES = 256 << 10
"""Of one ladder, unpacked; the middle of a longer one is left out."""
_CALL = re.compile(r"[A-Za-z0-9_.\-]{1,80}")
_SUFFIX = ".json.gz"


class KeptLadders:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, view: CallTraceView, most: int) -> None:
        """Keep this one, and only the latest `most`. Raises OSError."""
        if _CALL.fullmatch(view.call) is None:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = _bounded(view)
        made = self._folder / f".{view.call}.part"
        made.write_bytes(gzip.compress(content, 6))
        made.chmod(0o600)
        made.rename(self._folder / f"{view.call}{_SUFFIX}")
        files = sorted(self._folder.glob(f"*{_SUFFIX}"), key=_age)
        for file in files[: max(0, len(files) - most)]:
            file.unlink(missing_ok=True)

    def read(self, call: str) -> CallTraceView | None:
        """None when none is kept, or it cannot be read."""
        if _CALL.fullmatch(call) is None:
            return None
        try:
            content = gzip.decompress((self._folder / f"{call}{_SUFFIX}").read_bytes())
            view = TypeAdapter(CallTraceView).validate_python(json.loads(content))
        except (OSError, ValueError, EOFError):
            return None
        return replace(view, kept=True)


def _bounded(view: CallTraceView) -> bytes:
    while len(content := to_json(view)) > MAX_BYTES and len(view.messages) > 2:
        middle = len(view.messages) // 2
        gone = max(1, len(view.messages) // 8)
        messages = (*view.messages[:middle], *view.messages[middle + gone :])
        view = replace(view, messages=messages, left_out=view.left_out + gone)
    return content


def _age(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0
