"""A worker process that another controller started: ours to watch and to end, though not our child."""

import asyncio
import os
import signal
from typing import Protocol


class WorkerProcess(Protocol):
    """What is needed of a worker's process, whoever started it."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int: ...


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
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
