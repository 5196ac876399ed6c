"""Keeps the worker of each seat running: starts it, or adopts the one that sits there, waits for its end and starts
another, at once the first time and with growing pauses when it keeps dying."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import structlog

from softswitch.clock import Clock
from softswitch.config.media import Quality, Rtp
from softswitch.errors import MediaError
from softswitch.rtp.adoption import Adoption
from softswitch.rtp.commands import KeepQuiet
from softswitch.rtp.remote import RemoteWorker
from softswitch.rtp.reports import Report
from softswitch.rtp.seat import Seat
from softswitch.rtp.spare import Spare

PAUSE_MIN_S, PAUSE_MAX_S, PAUSE_FORGET_S = 0.1, 10.0, 30.0

_log = structlog.get_logger(__name__)


class Keeper:
    def __init__(
        self,
        config: Rtp,
        quality: Quality,
        linger_s: float,
        directory: Path,
        clock: Clock,
        spare: Spare,
        adoption: Adoption,
        *,
        hear: Callable[[Seat, Report], None],
        on_started: Callable[[Seat, RemoteWorker], None],
        on_lost: Callable[[Seat, RemoteWorker, str], "asyncio.Task[None]"],
    ) -> None:
        """`on_lost` takes everything from the worker's place and begins to end it; what it returns is done when its process
        is gone."""
        self.secret = b""
        self._config = config
        self._quality = quality
        self._linger_s = linger_s
        self._directory = directory
        self._clock = clock
        self._spare = spare
        self._adoption = adoption
        self._hear = hear
        self._on_started = on_started
        self._on_lost = on_lost

    async def keep(self, seat: Seat) -> None:
        """For ever."""
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            began = self._clock.monotonic()
            reason = await self._run(seat)
            _log.error("media worker lost", worker=seat.worker, reason=reason, legs=len(seat.legs))
            if self._clock.monotonic() - began > PAUSE_FORGET_S:
                pause = 0.0
            else:
                pause = min(max(pause * 2, PAUSE_MIN_S), PAUSE_MAX_S)

    async def _run(self, seat: Seat) -> str:
        """Start a worker and wait for its end; returns why it ended."""
        path = self._directory / f"media-{seat.worker}.sock"
        arguments = self._arguments(seat)

        def hear(report: Report) -> None:
            self._hear(seat, report)

        try:
            remote = None
            if not seat.starts:
                remote = await self._adoption.adopt(seat, path, arguments, self.secret, hear)
            if remote is None:
                remote = await RemoteWorker.start(path, arguments, self.secret, hear, self._spare.take())
        except (MediaError, OSError) as error:
            seat.problem = str(error)
            seat.ready.set()
            return seat.problem
        seat.remote, seat.problem = remote, ""
        seat.starts += 1
        seat.tell(KeepQuiet(ports=seat.left))
        seat.left = ()
        seat.ready.set()
        self._on_started(seat, remote)
        reason = await asyncio.shield(remote.lost)
        await self._on_lost(seat, remote, reason)
        return reason

    def _arguments(self, seat: Seat) -> tuple[str, ...]:
        config = self._config
        return (
            *("--ports", str(seat.ports)),
            *("--quiet", f"{config.quiet_s:g}"),
            *("--silent", f"{config.timeout_s:g}"),
            *("--linger", f"{self._linger_s:g}"),
            *("--engine", config.engine),
            *("--nice", str(config.nice)),
            *("--quality", json.dumps(asdict(self._quality))),
        )
