"""The worker's end of the Unix socket: one controller at a time, authenticated both ways, never waited for.

Reports are queued and leave with `flush`; when the controller does not read, they are dropped from `MAX_UNREAD` on and
counted. A controller that comes back takes the place of the one before.
"""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Final

import structlog

from softswitch.rtp import handshake, wire
from softswitch.rtp.commands import Command
from softswitch.rtp.reports import Report

MAX_UNREAD: Final = 4 << 20
MAX_PENDING: Final = 4
"""Connections that have not proved the secret yet."""
PROVE_S: Final = 2.0
_READ: Final = 65536

_log = structlog.get_logger(__name__)


class _Pending:
    """A connection that has not proved the secret yet."""

    __slots__ = ("connection", "deadline", "nonce", "received")

    def __init__(self, connection: socket.socket, nonce: bytes, deadline: float) -> None:
        self.connection = connection
        self.nonce = nonce
        self.deadline = deadline
        self.received = b""


class ControllerLink:
    def __init__(
        self, path: str, secret: bytes, hello: Callable[[], Report], entropy: Callable[[int], bytes]
    ) -> None:
        """Listen on `path`; only its owner may connect. `hello` is what a controller is told first."""
        self.lost = 0
        """Reports dropped."""
        self._secret = secret
        self._hello = hello
        self._entropy = entropy
        self._epoll = select.epoll()
        self._heard = select.poll()
        """The controller alone."""
        self._watched = -1
        self._pending: dict[int, _Pending] = {}
        self._controller: socket.socket | None = None
        self._frames = wire.FrameReader()
        self._out = bytearray()
        self._waits = False
        """The controller's buffer was full: the epoll tells when it takes more."""
        self._commands: list[Command | wire.WireError] = []
        self._path = path
        self._listener = self._listen(path)
        self._file = _file_of(path)
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for each in (self._listener, self._woken):
            self._epoll.register(each.fileno(), select.EPOLLIN)

    @staticmethod
    def _listen(path: str) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.setblocking(False)
        try:
            os.unlink(path)  # noqa: PTH108 - left by a worker that was killed
        except FileNotFoundError:
            pass
        before = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        listener.listen(MAX_PENDING)
        return listener

    @property
    def attached(self) -> bool:
        return self._controller is not None

    def watch(self, fd: int) -> None:
        """`poll` also wakes up when this one can be read, and says so."""
        self._watched = fd
        self._epoll.register(fd, select.EPOLLIN)

    def poll(self, timeout: float, now: float) -> bool:
        """Move bytes; wait for some up to `timeout` seconds. Whether what is watched can be read."""
        watched = False
        for fd, events in self._epoll.poll(timeout, 16):
            if self._controller is not None and fd == self._controller.fileno():
                self._read(self._controller)
                if events & select.EPOLLOUT:
                    self.flush()
            elif fd == self._watched:
                watched = True
            elif fd == self._listener.fileno():
                self._accept(now)
            elif fd == self._woken.fileno():
                self._woken.recv(_READ)
            elif fd in self._pending:
                self._prove(self._pending[fd])
        if self._pending:
            for pending in [each for each in self._pending.values() if each.deadline < now]:
                self._refuse(pending)
        return watched

    def hears_within(self, seconds: float) -> bool:
        """Wait so long, but no longer than until the controller says something, whatever else happens."""
        if self._controller is None:
            time.sleep(seconds)
            return False
        until = time.monotonic() + seconds
        if self._heard.poll(int(seconds * 1000)):  # whole milliseconds: more would be too long
            return True
        if (rest := until - time.monotonic()) > 0:
            time.sleep(rest)
        return False

    def commands(self) -> list[Command | wire.WireError]:
        """What was received since the last call; an error stands for a frame that is no command."""
        taken, self._commands = self._commands, []
        return taken

    def report(self, report: Report) -> None:
        if self._controller is None:
            return
        if len(self._out) > MAX_UNREAD:
            self.lost += 1
            return
        self._out += wire.encode(report)

    def flush(self) -> None:
        """Send what the controller's buffer takes."""
        if not self._out or self._controller is None:
            return
        try:
            sent = self._controller.send(self._out)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._detach()
            return
        del self._out[:sent]
        if bool(self._out) != self._waits:
            self._waits = bool(self._out)
            wanted = select.EPOLLIN | (select.EPOLLOUT if self._waits else 0)
            self._epoll.modify(self._controller.fileno(), wanted)

    def close(self) -> None:
        """Send what can be sent, and go."""
        if self._controller is not None:
            self._controller.setblocking(True)
            self._controller.settimeout(1.0)
            try:
                self._controller.sendall(self._out)
            except OSError:
                _log.warning("the controller was not told the last reports", bytes=len(self._out))
        self._detach()
        for pending in tuple(self._pending.values()):
            self._refuse(pending)
        if self._file is not None and _file_of(self._path) == self._file:
            # Not the socket of a worker that has taken this place: one that lingers may end after its successor began.
            os.unlink(self._path)  # noqa: PTH108
        self._listener.close()

    def _accept(self, now: float) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        if len(self._pending) >= MAX_PENDING:
            connection.close()
            return
        connection.setblocking(False)
        pending = _Pending(connection, self._entropy(handshake.NONCE_BYTES), now + PROVE_S)
        self._pending[connection.fileno()] = pending
        self._epoll.register(connection.fileno(), select.EPOLLIN)
        try:
            connection.send(handshake.GREETING + pending.nonce)
        except OSError:
            self._refuse(pending)

    def _prove(self, pending: _Pending) -> None:
        try:
            data = pending.connection.recv(handshake.ANSWER_BYTES - len(pending.received))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        pending.received += data
        nonce, proof = pending.received[: handshake.NONCE_BYTES], pending.received[handshake.NONCE_BYTES :]
        if data and len(pending.received) < handshake.ANSWER_BYTES:
            return
        if not handshake.same(proof, handshake.controller_proof(self._secret, pending.nonce, nonce)):
            _log.warning("a connection to the media socket did not prove the secret")
            self._refuse(pending)
            return
        self._attach(pending, handshake.worker_proof(self._secret, pending.nonce, nonce))

    def _attach(self, pending: _Pending, proof: bytes) -> None:
        self._detach()
        del self._pending[pending.connection.fileno()]
        self._controller, self._waits = pending.connection, False
        self._heard.register(pending.connection.fileno(), select.POLLIN)
        self._frames = wire.FrameReader()
        self._out = bytearray(proof + wire.encode(self._hello()))
        self.flush()

    def _refuse(self, pending: _Pending) -> None:
        self._pending.pop(pending.connection.fileno(), None)
        pending.connection.close()

    def _read(self, controller: socket.socket) -> None:
        try:
            data = controller.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._detach()
            return
        try:
            for body in self._frames.feed(data):
                try:
                    self._commands.append(wire.decode_command(body))
                except wire.WireError as error:
                    self._commands.append(error)
        except wire.WireError as error:
            _log.error("the controller sent what cannot be framed", problem=str(error))
            self._commands.append(error)
            self._detach()

    def _detach(self) -> None:
        if self._controller is not None:
            self._heard.unregister(self._controller.fileno())
            self._controller.close()
            self._controller = None
            self._out.clear()


def _file_of(path: str) -> tuple[int, int] | None:
    """Which file lies there now."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino
