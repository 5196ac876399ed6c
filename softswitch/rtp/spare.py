"""A worker process that has loaded everything and waits to be told which worker it is.

Starting one takes half a second on an idle machine and several on a busy one, mostly for loading numpy: too long when
fifty calls wait for it. One waits for the first worker that dies; the next is started when the calls talk again.
"""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import softswitch
from softswitch.priority import prefer_no_more
from softswitch.rtp.adopted import AdoptedProcess, WorkerProcess

AFTER_S = 5.0
"""Seconds after the workers have started, or the last spare was taken, until one is made."""

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""A worker is one thread on one core: numpy's own thread pools would take the others."""


async def start_process(*arguments: str) -> asyncio.subprocess.Process:
    """A worker process; without arguments one that takes them from its standard input, behind the secret."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "softswitch.media_worker", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=_environment(),
        start_new_session=True,
    )
    prefer_no_more(process.pid)  # it sees to that itself, once it is one
    return process


def kill(process: WorkerProcess) -> None:
    """At once. Not Process.kill(): that reaps a process that has just ended, behind the back of asyncio's watcher."""
    if isinstance(process, AdoptedProcess):
        process.kill()
    elif process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


class Spare:
    def __init__(self, after_s: float = AFTER_S) -> None:
        self._after_s = after_s
        self._process: asyncio.subprocess.Process | None = None
        self._making: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    def make(self) -> None:
        """Have one in a while."""
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make(), name="spare media worker")

    async def _make(self) -> None:
        await asyncio.sleep(self._after_s)
        if self._process is None or self._process.returncode is not None:
            self._process = await start_process()

    def take(self) -> asyncio.subprocess.Process | None:
        """The spare, if there is one; another is made."""
        process, self._process = self._process, None
        self.make()
        return process if process is not None and process.returncode is None else None

    async def stop(self) -> None:
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)
        if self._process is not None:
            kill(self._process)
            await self._process.wait()


def _environment() -> dict[str, str]:
    """Ours, with this very package first in the worker's path however it was found here."""
    home = str(Path(softswitch.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, **_ONE_THREAD, "PYTHONPATH": path}
