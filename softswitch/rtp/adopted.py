"""A worker process that another controller started: ours to watch and to end, though not our child."""

import asyncio
import contextlib
import os
import signal
import socket
import struct
from pathlib import Path
from typing import Final, Protocol

_CREDENTIALS: Final = struct.Struct("3i")
"""`struct ucred` of unix(7): process, user, group."""


class WorkerProcess(Protocol):
    """What is needed of a worker's process, whoever started it."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int: ...


def listener_of(path: Path) -> int:
    """Process that listens on this Unix socket, whether it answers or not; 0: none does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as asking:
        try:
            asking.connect(str(path))
            told = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError:
            return 0
    return int(_CREDENTIALS.unpack(told)[0])


class AdoptedProcess:
    """Held by a descriptor (pidfd), so that its number cannot come to mean another process. Raises OSError when it has
    ended already."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._descriptor = os.pidfd_open(pid)
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._descriptor, self._end)

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.returncode = 0  # only a parent is told the true one
        self._ended.set_result(None)

    async def wait(self) -> int:
        await asyncio.shield(self._ended)
        return 0

    def kill(self) -> None:
        if self.returncode is None:
            # It may have ended a moment ago, and whoever reaps it may have been faster than we are told.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
