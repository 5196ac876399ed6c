"""The media worker's loop: one process, one thread, a tick every few milliseconds (`pace.py`) while something moves, asleep
while there are no legs or nothing comes for them and nothing is made; the first packet wakes it up.

A worker whose controller goes away carries on for `linger_s`, so that calls in progress keep talking while a controller
comes back; when none does it ends its recordings, so that their headers are final, and exits.
"""

import ctypes
import gc
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from softswitch.clock import entropy
from softswitch.config.media import Quality
from softswitch.priority import prefer
from softswitch.rtp.commands import Command, Shutdown, StopRecording
from softswitch.rtp.datagram_ports import DatagramPorts
from softswitch.rtp.engines import choose
from softswitch.rtp.exchange import Exchange
from softswitch.rtp.link import ControllerLink
from softswitch.rtp.pace import Pace
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.prompts import Prompts
from softswitch.rtp.reports import CommandRefused, Hello, WorkerStats
from softswitch.rtp.wire import WireError
from softswitch.tap import Tap

STATS_S: Final = 1.0
FIRST_CONTROLLER_S: Final = 15.0
IDLE_LINGER_S: Final = 2.0
MAX_FAILED_TICKS: Final = 100
"""In a row; then the process gives up and is replaced."""
_SWITCH_INTERVAL_S: Final = 0.0005
"""How long the thread that loads prompts may keep the interpreter."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    socket: str
    """Path to listen on for the controller."""
    ports: PortRange
    quiet_s: float = 5.0
    silent_s: float = 60.0
    """0 never reports a peer as silent."""
    linger_s: float = 2.0
    """Without a controller, while there are legs; an idle worker ends after `IDLE_LINGER_S` at most."""
    text: str = ""
    """What tells a new controller whether it would start this worker alike."""
    quality: Quality = field(default_factory=Quality)
    engine: str = "auto"
    """One of `engines.WANTED`."""
    nice: int = 0
    """Priority, where the system lets us have it."""


class Worker:
    def __init__(self, settings: WorkerSettings, tap: Tap, secret: bytes) -> None:
        """Raises OSError when the engine that is asked for cannot be had."""
        self._settings = settings
        _allow_open_files()
        self._engine, self._engine_problem = choose(settings.engine)
        self._prompts = Prompts()
        self._link = ControllerLink(settings.socket, secret, self._hello, entropy)
        self._link.watch(self._engine.fileno())
        self._exchange = Exchange(
            engine=self._engine,
            tap=tap,
            library=self._prompts,
            ports=settings.ports,
            quiet_s=settings.quiet_s,
            silent_s=settings.silent_s,
            entropy=entropy(16),
            report=self._link.report,
            quality=settings.quality,
            datagrams=DatagramPorts(),
        )
        self._stopping = self._signalled = False
        self._alone_until = time.monotonic() + FIRST_CONTROLLER_S
        self._stats_at = 0.0
        self._next_tick = 0.0
        self._between = False
        """Woken up by a command while a tick is to come."""
        self._pace = Pace()
        self._latest = 0.0
        self._failed = 0

    def run(self) -> None:
        """Until told to stop, by command, signal or the controller's absence."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.setswitchinterval(_SWITCH_INTERVAL_S)
        prefer(self._settings.nice)
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            while not self._stopping:
                self._step()
        finally:
            self._shut()

    def _shut(self) -> None:
        now = time.monotonic()
        if self._signalled:  # nobody has asked for the recordings to end: they go on elsewhere
            self._link.close()
        for recording in self._exchange.recordings:
            self._execute(StopRecording(recording=recording), now)
        self._exchange.shut(now)
        self._link.close()
        self._prompts.close()

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = self._signalled = True

    def _step(self) -> None:
        """Sleep until there is something to do, and do it."""
        ticks = self._wait()
        now = time.monotonic()
        for command in self._link.commands():
            self._execute(command, now)
        if ticks and self._exchange.busy:
            self._tick(now)
        self._watch_controller(now)
        if now >= self._stats_at and not self._between:  # a tick may be due in a moment
            self._each_second(now)
        self._link.flush()

    def _wait(self) -> bool:
        """Until the next tick is due, True; or until there are commands to carry out meanwhile, False. Ticks are never
        closer to each other than the pace, but the first one after a rest comes at once."""
        now, exchange = time.monotonic(), self._exchange
        busy, self._between = exchange.busy, False
        if not busy or (exchange.resting and not self._engine.waiting):
            until = min(self._stats_at, exchange.look_at) if busy else self._stats_at
            arrived = self._link.poll(max(0.0, min(until - now, STATS_S)), now)
            now = time.monotonic()
            ticks = arrived or (exchange.busy and now >= exchange.look_at)
            if ticks and now < self._next_tick:
                time.sleep(self._next_tick - now)
            if ticks or now >= self._next_tick:
                self._next_tick = 0.0
            return ticks
        pause = self._next_tick - now
        self._between = pause > 0 and self._link.hears_within(pause)
        self._link.poll(0, now)
        return not self._between

    def _tick(self, now: float) -> None:
        if self._next_tick:
            self._latest = max(self._latest, now - self._next_tick)
        began = time.thread_time()
        try:
            self._exchange.tick(now, time.time())
        except Exception:
            self._failed += 1
            _log.exception("a media tick failed", failed=self._failed)
            if self._failed >= MAX_FAILED_TICKS:
                raise
        else:
            self._failed = 0
        self._pace.worked(time.thread_time() - began)
        self._next_tick = max((self._next_tick or now) + self._pace.tick_s, time.monotonic())

    def _execute(self, command: Command | WireError, now: float) -> None:
        if isinstance(command, WireError):
            self._link.report(CommandRefused(command="", problem=str(command)))
            return
        if isinstance(command, Shutdown):
            self._stopping = True
            return
        try:
            self._exchange.execute(command, now)
        except Exception as error:
            name = type(command).__name__
            _log.exception("a media command failed", command=name)
            self._link.report(CommandRefused(command=name, problem=f"{type(error).__name__}: {error}"))

    def _watch_controller(self, now: float) -> None:
        if self._link.attached:
            busy = self._exchange.busy
            linger_s = self._settings.linger_s
            self._alone_until = now + (linger_s if busy else min(linger_s, IDLE_LINGER_S))
        elif now >= self._alone_until:
            _log.warning("no controller: ending", legs=len(self._exchange))
            self._stopping = True

    def _each_second(self, now: float) -> None:
        _give_back_memory(0)
        packets_in, packets_out = self._exchange.packets
        self._link.report(
            WorkerStats(
                legs=len(self._exchange),
                recordings=len(self._exchange.recordings),
                packets_in=packets_in,
                packets_out=packets_out,
                cpu_s=time.process_time(),
                late_ms=self._latest * 1000,
                reports_lost=self._link.lost,
            )
        )
        self._latest = 0.0
        self._stats_at = now + STATS_S
        gc.collect(1)

    def _hello(self) -> Hello:
        self._exchange.forget_controller(time.monotonic())
        return Hello(
            pid=os.getpid(),
            engine=self._engine.name,
            engine_problem=self._engine_problem,
            legs=self._exchange.legs,
            recordings=tuple(self._exchange.recordings),
            settings=self._settings.text,
        )


def _memory_returner() -> Callable[[int], object]:
    """What a moment without a processor made pile up leaves holes in the heap, which glibc keeps until it is asked; that
    takes a fifth of a millisecond. Other libraries give back by themselves."""
    return getattr(ctypes.CDLL(None), "malloc_trim", lambda keep: 0)


_give_back_memory = _memory_returner()


def _allow_open_files() -> None:
    """A leg takes two sockets: the usual soft limit of 1,024 would end at 500 legs."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
