"""One media worker as the controller sees it: a process of its own and a Unix socket to it.

Owns the process' start, the handshake, the frames both ways and the moment it is lost, which is the first of: the
process ended, the socket closed, it sent what is no report, it was silent for `HEARTBEAT_S` though it reports every
second, or it does not read what it is told. Knows nothing of legs.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from softswitch.clock import entropy
from softswitch.errors import MediaError
from softswitch.rtp import handshake, wire
from softswitch.rtp.adopted import AdoptedProcess, WorkerProcess, listener_of
from softswitch.rtp.commands import Command, Shutdown
from softswitch.rtp.reports import Hello, Report
from softswitch.rtp.spare import kill, start_process

HEARTBEAT_S = 10.0
START_S = 15.0
ADOPT_S = 5.0
"""How long a worker that outlived its controller may take to answer the next: that one is busy starting, too."""
_READ = 1 << 20
"""More than a stream reader ever holds: whatever it has is taken off it before the connection is read without it."""
STOP_S = 5.0
LOST_STOP_S = 1.0
"""How long a worker that closed its socket may take to exit before its place is taken."""
LAST_WORDS_S = 0.5
"""How long the reports of a process that ended are still read."""
MAX_UNREAD = 4 << 20
"""Bytes of commands that may wait for a worker."""

_log = structlog.get_logger(__name__)


class RemoteWorker:
    """A running worker; made by `start`. `lost` is done, with the reason, once it is of no use any more."""

    def __init__(self, process: WorkerProcess, link: "_Link", on_report: Callable[[Report], None]) -> None:
        self.hello = link.hello
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._process = process
        self._on_report = on_report
        self._writer = link.writer
        self._transport = link.writer.transport
        self._loop = asyncio.get_running_loop()
        self._told = bytearray()
        """Commands that have not left yet."""
        self._heard = self._loop.time()
        for body in link.more:
            on_report(wire.decode_report(body))
        self._heartbeat = self._loop.call_later(HEARTBEAT_S, self._listen)
        self._frames = link.frames
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._transport.set_protocol(_Reading(self._received, self._disconnected))
        self._tasks = [asyncio.create_task(self._wait())]

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def silent_s(self) -> float:
        """Since it said anything; it reports every second."""
        return self._loop.time() - self._heard

    @classmethod
    async def start(
        cls,
        path: Path,
        arguments: tuple[str, ...],
        secret: bytes,
        on_report: Callable[[Report], None],
        spare: asyncio.subprocess.Process | None = None,
    ) -> "RemoteWorker":
        """Spawn a worker that listens on `path`, or make the spare one of it, prove the secret both ways and hear its
        Hello."""
        told = ("--socket", str(path), *arguments)
        process = spare or await start_process(*told)
        try:
            async with asyncio.timeout(START_S):
                await _brief(process, secret, told if spare is not None else ())
                return cls(process, await _connect(path, secret), on_report)
        except (OSError, EOFError, TimeoutError, wire.WireError) as error:
            kill(process)
            raise MediaError(
                f"media worker {process.pid} did not start: {str(error) or type(error).__name__}"
            ) from error
        except BaseException:
            kill(process)
            raise

    @classmethod
    async def adopt(
        cls, path: Path, arguments: tuple[str, ...], secret: bytes, on_report: Callable[[Report], None]
    ) -> "RemoteWorker | None":
        """The worker that listens on `path` already, since its controller died; None when there is none, or none that
        would be started alike: that one is told to end. One that does not answer as it should is killed: a successor
        goes on with its legs, and with the files that it writes."""
        try:
            async with asyncio.timeout(ADOPT_S):
                link = await _connect(path, secret)
        except (OSError, EOFError, TimeoutError, MediaError, wire.WireError) as error:
            _log.debug("no media worker to adopt", path=str(path), problem=str(error))
            await _end_mute(path, error)
            return None
        try:
            worker = cls(AdoptedProcess(link.hello.pid), link, on_report)
        except (OSError, wire.WireError) as error:
            link.writer.close()
            _log.debug("no media worker to adopt", path=str(path), problem=str(error))
            await _end_mute(path, error)
            return None
        if link.hello.settings == handshake.settings_text(("--socket", str(path), *arguments)):
            return worker
        _log.warning("a media worker of another configuration or version is ended", pid=worker.pid)
        await worker.stop()
        return None

    def _received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        try:
            for body in self._frames.feed(data):
                self._on_report(wire.decode_report(body))
        except wire.WireError as error:
            self._lose(str(error))

    def _disconnected(self, error: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)
        self._lose(str(error) if error is not None else "its socket closed")

    def _listen(self) -> None:
        """One timer looks after all that is heard: none is set and cancelled for each report."""
        if self.lost.done():
            return
        left = self._heard + HEARTBEAT_S - self._loop.time()
        if left > 0:
            self._heartbeat = self._loop.call_later(left, self._listen)
            return
        self._lose(f"it said nothing for {HEARTBEAT_S:g} s")
        self.kill()

    async def _wait(self) -> None:
        status = await self._process.wait()
        await asyncio.wait({self._closed}, timeout=LAST_WORDS_S)
        self._lose(f"the process ended with status {status}")

    def _lose(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)
        self._heartbeat.cancel()
        self._writer.close()

    def send(self, command: Command) -> None:
        """Queue a command; it is dropped when the worker is lost already. What is told within two turns of the loop goes
        out together: who hears of one thing often tells the next in the turn after, and each write wakes the worker."""
        if self.lost.done():
            return
        if not self._told:
            self._loop.call_soon(self._loop.call_soon, self._flush)
        self._told += wire.encode(command)

    def _flush(self) -> None:
        if self.lost.done():
            return
        self._transport.write(bytes(self._told))
        self._told.clear()
        if self._transport.get_write_buffer_size() > MAX_UNREAD:
            self._lose("it does not read its commands")
            self.kill()

    def kill(self) -> None:
        """End it at once; its recordings on disk stay playable."""
        self._writer.close()
        kill(self._process)

    async def stop(self) -> None:
        """Let it end its recordings and exit; kill it when that takes too long."""
        self.send(Shutdown())
        try:
            async with asyncio.timeout(LOST_STOP_S if self.lost.done() else STOP_S):
                await self._process.wait()
        except TimeoutError:
            _log.warning("media worker killed: it did not stop", pid=self.pid)
            self.kill()
            await self._process.wait()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_WORDS_S)
        self.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _end_mute(path: Path, problem: Exception) -> None:
    """Kill a worker that listens there and cannot be talked with; returns when it is gone."""
    pid = listener_of(path)
    if pid in (0, os.getpid()):
        return
    try:
        process = AdoptedProcess(pid)
    except OSError:
        return  # gone already
    problem_said = str(problem) or type(problem).__name__
    _log.error("a media worker that cannot be adopted is killed", pid=pid, problem=problem_said)
    process.kill()
    with contextlib.suppress(TimeoutError):  # one that a dead disk holds back ends when it answers
        async with asyncio.timeout(STOP_S):
            await process.wait()


class _Reading(asyncio.Protocol):
    """What comes after the handshake: callbacks, no task to be woken up for each report."""

    def __init__(
        self, received: Callable[[bytes], None], disconnected: Callable[[Exception | None], None]
    ) -> None:
        self.data_received = received  # type: ignore[method-assign, assignment]
        self.connection_lost = disconnected  # type: ignore[method-assign, assignment]


@dataclass(slots=True)
class _Link:
    """A connection on which both have proved the secret and the worker has said Hello."""

    writer: asyncio.StreamWriter
    frames: wire.FrameReader
    hello: Hello
    more: list[bytes]


async def _brief(process: asyncio.subprocess.Process, secret: bytes, told: tuple[str, ...]) -> None:
    """Tell a new process its secret, a spare one who it is, and wait until it listens."""
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None and stdout is not None
    stdin.write(secret + "\n".join(told).encode())
    stdin.close()
    if await stdout.readline() != b"ready\n":
        raise MediaError("it ended before it listened")


async def _connect(path: Path, secret: bytes) -> _Link:
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        greeting = await reader.readexactly(handshake.HELLO_BYTES)
        if not greeting.startswith(handshake.GREETING):
            raise MediaError("what listens on its socket is no media worker")
        theirs, ours = greeting[len(handshake.GREETING) :], entropy(handshake.NONCE_BYTES)
        writer.write(ours + handshake.controller_proof(secret, theirs, ours))
        proof = await reader.readexactly(handshake.PROOF_BYTES)
        if not handshake.same(proof, handshake.worker_proof(secret, theirs, ours)):
            raise MediaError("what listens on its socket does not know the secret")
        frames, bodies = wire.FrameReader(), list[bytes]()
        while not bodies:
            data = await reader.read(_READ)
            if not data:
                raise EOFError("it closed its socket")
            bodies = list(frames.feed(data))
        hello = wire.decode_report(bodies[0])
        if not isinstance(hello, Hello):
            raise MediaError("it did not say Hello")
    except BaseException:
        writer.close()
        raise
    return _Link(writer, frames, hello, bodies[1:])
