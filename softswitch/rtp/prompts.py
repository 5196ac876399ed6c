"""Prompts from disk: any file that libsndfile reads, made 8 kHz mono in a thread of its own, kept by path and age.

The tick never waits for a file: it asks `get` again until the prompt is there. The cache is bounded; a prompt that is
being played stays in memory until then even when it is put out. A file that changed is read again, at most
`CHECK_S` later.
"""

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Final

import numpy as np
import soundfile  # type: ignore[import-untyped]

from softswitch.rtp.prompt import Prompt, PromptProblem
from softswitch.rtp.prompt_rate import to_8k
from softswitch.rtp.tones import SCHEME, tone

CACHE_BYTES: Final = 256 << 20
MAX_SECONDS: Final = 30 * 60
"""Longer prompts are refused rather than cut."""
CHECK_S: Final = 2.0
_PROBLEMS_KEPT: Final = 1000


@dataclass(slots=True)
class _Entry:
    prompt: Prompt | PromptProblem
    modified: int
    """mtime in ns; -1 when the file was not there."""
    checked: float


class Prompts:
    """The `PromptLibrary` of a worker. `get` is for the worker's own thread; loading happens in another."""

    def __init__(self, cache_bytes: int = CACHE_BYTES) -> None:
        self._limit = cache_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._loading: set[str] = set()
        self._wanted: SimpleQueue[str | None] = SimpleQueue()
        self._loaded: SimpleQueue[tuple[str, _Entry]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def get(self, path: str) -> Prompt | PromptProblem | None:
        if path.startswith(SCHEME):
            return tone(path)
        self._collect()
        entry = self._entries.get(path)
        if entry is None:
            self._load(path)
            return None
        self._entries.move_to_end(path)
        now = time.monotonic()
        if now - entry.checked > CHECK_S:
            entry.checked = now
            if _modified(path) != entry.modified:
                del self._entries[path]
                self._load(path)
                return None
        return entry.prompt

    def close(self) -> None:
        if self._thread is not None:
            self._wanted.put(None)
            self._thread = None

    def _load(self, path: str) -> None:
        if path in self._loading:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="prompts", daemon=True)
            self._thread.start()
        self._loading.add(path)
        self._wanted.put(path)

    def _collect(self) -> None:
        while not self._loaded.empty():
            path, entry = self._loaded.get()
            self._loading.discard(path)
            self._entries[path] = entry
            self._shrink()

    def _shrink(self) -> None:
        """Put out what was not played for longest; the newest always stays."""
        size = sum(entry.prompt.size for entry in self._entries.values() if isinstance(entry.prompt, Prompt))
        while len(self._entries) > 1 and (size > self._limit or len(self._entries) > _PROBLEMS_KEPT):
            _, entry = self._entries.popitem(last=False)
            size -= entry.prompt.size if isinstance(entry.prompt, Prompt) else 0

    def _run(self) -> None:
        while (path := self._wanted.get()) is not None:
            modified = _modified(path)
            self._loaded.put((path, _Entry(load(path), modified, time.monotonic())))


def load(path: str) -> Prompt | PromptProblem:
    """Read a file whole; the channels of a stereo file are averaged."""
    try:
        with soundfile.SoundFile(path) as file:
            if file.frames > MAX_SECONDS * file.samplerate:
                return PromptProblem(f"{path}: longer than {MAX_SECONDS // 60} minutes")
            samples = file.read(dtype="float32", always_2d=True)
            rate = file.samplerate
    except (OSError, RuntimeError, ValueError, MemoryError) as error:
        return PromptProblem(f"{path}: {error}")
    if not len(samples):
        return PromptProblem(f"{path}: no audio in it")
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
    linear = np.clip(np.rint(to_8k(mono, rate) * 32768), -32768, 32767).astype(np.int16)
    return Prompt.of(linear)


def _modified(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - asked on the tick: Path objects cost more than the call
    except OSError:
        return -1
