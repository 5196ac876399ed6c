"""Switches that fork from one process which has imported all of the switch already: a suite that starts two hundred of them
spends a third of its time on imports otherwise.

`python -m tools.peers.forked` is that process. It is told over its standard input, a Unix socket, what to start: a line of
JSON with the command line, folder and environment, and the file that takes the output as a descriptor (SCM_RIGHTS). It
answers with the number of the process, and with another line when that has ended. From the fork on everything is as
`python -m softswitch …` does it; only the command line in /proc names this module.
"""

import array
import atexit
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

ROOT = Path(__file__).resolve().parents[2]
_LONGEST = 1 << 20
_START_S = 120.0
"""How long the imports may take on a machine with much to do."""


class ForkedProcess:
    """As much of `subprocess.Popen` as a test needs."""

    def __init__(self, nursery: "Nursery", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._nursery.ended(self.pid, 0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises TimeoutExpired."""
        deadline = time.monotonic() + (timeout if timeout is not None else float("inf"))
        while self.poll() is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired("softswitch", timeout or 0.0)
            self.returncode = self._nursery.ended(self.pid, min(left, 1.0))
        assert self.returncode is not None
        return self.returncode


class Nursery:
    """The process that has imported everything, started with the first switch and ended with this process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._poll = select.poll()
        self._received = b""
        self._ended: dict[int, int] = {}

    def start(self, arguments: Sequence[str], *, folder: Path, output: IO[bytes]) -> ForkedProcess:
        """`softswitch` with these arguments, in a session of its own."""
        connection = self._connection()
        wanted = {"arguments": [*arguments], "folder": str(folder), "environment": dict(os.environ)}
        socket.send_fds(connection, [json.dumps(wanted).encode() + b"\n"], [output.fileno()])
        started: list[int] = []
        while not started:
            started = [told["started"] for told in self._told(_START_S) if "started" in told]
        return ForkedProcess(self, started[0])

    def ended(self, pid: int, timeout: float) -> int | None:
        """Its exit code as `Popen` has it; None when it still runs after so many seconds."""
        if pid not in self._ended:
            self._told(timeout)
        return self._ended.get(pid)

    def _told(self, timeout: float) -> list[dict[str, Any]]:
        connection = self._connection()
        if not self._poll.poll(timeout * 1000):
            if timeout >= _START_S:
                raise RuntimeError("the process that switches fork from does not answer")
            return []
        data = connection.recv(_LONGEST)
        if not data:
            raise RuntimeError("the process that switches fork from has ended")
        *lines, self._received = (self._received + data).split(b"\n")
        told = [json.loads(line) for line in lines]
        for one in told:
            if "code" in one:
                self._ended[one["pid"]] = one["code"]
            else:
                self._ended.pop(one["started"], None)  # a number that was used before
        return told

    def _connection(self) -> socket.socket:
        if self._socket is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tools.peers.forked"], cwd=ROOT, stdin=theirs.fileno(), start_new_session=True,
                    env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                )  # fmt: skip
            self._socket = ours
            self._poll.register(ours, select.POLLIN)
            atexit.register(self._close)
        return self._socket

    def _close(self) -> None:
        if self._socket is not None and self._process is not None:
            self._socket.close()
            self._process.wait()


# -- the process that they fork from --------------------------------------------------------------------------------------


def serve(connection: socket.socket) -> None:
    """Fork what is asked for, and tell of ends, until the other end is closed."""
    children: dict[int, int] = {}
    """Process numbers by their descriptor (pidfd)."""
    while True:
        readable, _, _ = select.select([connection, *children], [], [])
        for descriptor in [one for one in readable if one in children]:
            pid = children.pop(descriptor)
            os.close(descriptor)
            status = os.waitpid(pid, 0)[1]
            _tell(connection, pid=pid, code=os.waitstatus_to_exitcode(status))
        if connection in readable:
            data, descriptors = _request(connection)
            if not data:
                return
            wanted = json.loads(data)
            session, told = os.pipe()
            pid = os.fork()
            if pid == 0:
                for descriptor in (session, *children):
                    os.close(descriptor)
                connection.close()
                _become(wanted, descriptors[0], told)
            os.close(told)
            os.read(session, 1)
            os.close(session)
            os.close(descriptors[0])
            children[os.pidfd_open(pid)] = pid
            _tell(connection, started=pid)


def _request(connection: socket.socket) -> tuple[bytes, list[int]]:
    data, descriptors = b"", []
    while not data.endswith(b"\n"):
        part, ancillary, _, _ = connection.recvmsg(_LONGEST, socket.CMSG_SPACE(4))
        if not part:
            return b"", []
        data += part
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors += array.array("i", value).tolist()
    return data, descriptors


def _tell(connection: socket.socket, **told: int) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(json.dumps(told).encode() + b"\n")


def _become(wanted: Mapping[str, Any], output: int, told: int) -> NoReturn:
    """Be `softswitch` with these arguments, and end as that ends, through the interpreter. `told` is closed once it has a
    session of its own."""
    from softswitch.cli.main import main as softswitch

    os.setsid()
    os.close(told)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update({**wanted["environment"], "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"})
    os.chdir(wanted["folder"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["softswitch", *wanted["arguments"]]
    gc.enable()
    softswitch()
    sys.exit()


def main() -> None:
    connection = socket.socket(fileno=os.dup(0))
    gc.disable()
    import softswitch.app
    import softswitch.cli.main  # noqa: F401

    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(connection)


if __name__ == "__main__":
    main()
