"""Takes connections in: a seat before anything is read of them, the handshake of TLS within its deadline, then a protocol.

Certificates are asked for at each connection, so that new ones count from a reload on. When the process has no file
descriptor left, accepting pauses for a second instead of turning the loop into one.
"""

import asyncio
import errno
import socket
import ssl
from collections import Counter
from collections.abc import Callable

from softswitch.sip.bound_socket import bound_socket
from softswitch.sip.connection_table import ConnectionTable, Seat
from softswitch.sip.listener import Listener
from softswitch.sip.stream_limits import StreamLimits

ACCEPTED_PER_WAKEUP = 64
PAUSE_S = 1.0
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
MakeProtocol = Callable[[Seat], asyncio.Protocol]


class Acceptor:
    """One listening stream socket. Raises OSError when it cannot be bound."""

    def __init__(
        self,
        listener: Listener,
        *,
        table: ConnectionTable,
        limits: StreamLimits,
        counts: Counter[str],
        welcome: Callable[[str], bool],
        context: Callable[[], ssl.SSLContext | None],
        make: MakeProtocol,
    ) -> None:
        self.listener = listener
        self._table = table
        self._limits = limits
        self._counts = counts
        self._welcome = welcome
        self._context = context
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._paused: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = bound_socket(listener)
        self._socket.listen(1024)
        listener.port = self._socket.getsockname()[1]
        self._loop.add_reader(self._socket.fileno(), self._accept)

    async def close(self) -> None:
        if self._paused is not None:
            self._paused.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_PER_WAKEUP):
            try:
                accepted, peer = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._failed(error)
                return
            self._begin(accepted, peer[0])

    def _failed(self, error: OSError) -> None:
        self._counts[f"connections not accepted: {error.strerror}"] += 1
        if error.errno in _EXHAUSTED:
            self._loop.remove_reader(self._socket.fileno())
            self._paused = self._loop.call_later(PAUSE_S, self._resume)

    def _resume(self) -> None:
        self._paused = None
        self._loop.add_reader(self._socket.fileno(), self._accept)

    def _begin(self, accepted: socket.socket, address: str) -> None:
        if not self._welcome(address):
            self._counts["connections refused: not welcome"] += 1
            accepted.close()
            return
        seat = self._table.admit(address, self.listener.transport, accepted.close)
        if seat is None:
            accepted.close()
            return
        accepted.setblocking(False)
        task = self._loop.create_task(self._establish(accepted, seat))
        seat.abort = lambda: _cancel(task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _establish(self, accepted: socket.socket, seat: Seat) -> None:
        context = self._context() if self.listener.secure else None
        stands = False
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: self._make(seat),
                accepted,
                ssl=context,
                ssl_handshake_timeout=self._limits.handshake_s if context is not None else None,
            )
            seat.abort = transport.abort
            stands = True
        except (OSError, TimeoutError):
            self._counts["connections lost before they stood"] += 1
        finally:
            if not stands:
                accepted.close()
                self._table.leave(seat)


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
