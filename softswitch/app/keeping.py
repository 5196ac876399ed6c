"""Looks after finished recordings: converts them, deletes what has expired, and keeps the disk from filling up.

A conversion has four steps, and a crash between any two loses nothing: the new file is written under another name and
compared with the old one by the process that made it, it gets its name, the row names it, the old file goes. A file whose
row names its converted twin is what a crash before the last step left; it goes at the next start.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog

from softswitch.app.parts import Parts
from softswitch.app.recovery import repaired
from softswitch.errors import StorageError
from softswitch.recorder.convert import SUFFIXES, convert
from softswitch.recorder.retention import Candidate, Rules, too_much, too_old
from softswitch.store.rows import RecordingRow

ROUND_S = 5.0
CLOSING_S = 2.0
"""A worker that gives up closes its recordings in less."""
RETENTION_S = 60.0
BATCH = 200
"""Recordings looked at in one step; there is another step."""
_Step = Callable[[], Awaitable[object]]
MOST_FAILED = 1000
"""Conversions that failed are remembered, and not tried again before a restart."""

_log = structlog.get_logger(__name__)


class Keeping:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._failed: dict[str, None] = {}
        self._converting = ""
        """It is not deleted meanwhile."""
        self._gone: set[str] = set()
        """Deleted in this round; their rows may still wait for a database that is locked."""
        self._retention_at = 0.0
        self._full = False

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self.measure_again())
            both.create_task(self._again(self.guard))
            both.create_task(self._again(self.convert_some, first=self.finish_conversions))

    async def measure_again(self) -> None:
        """A media worker carries on for a moment without its switch: what it wrote after the repair counts too."""
        parts = self._parts
        if not parts.cut_off:
            return
        await asyncio.sleep(parts.services.config.rtp.linger_s + CLOSING_S)
        while parts.cut_off:
            row = parts.cut_off[-1]
            size = parts.services.files.size(row.path)
            if size is not None and size != row.bytes:
                parts.store.recording(await asyncio.to_thread(repaired, parts, row))
            parts.cut_off.remove(row)

    async def _again(self, what: _Step, first: _Step | None = None) -> None:
        """Every few seconds; whatever goes wrong, the next time it is tried again."""
        while True:
            try:
                if first is not None:
                    await first()
                    first = None
                await what()
            except (StorageError, OSError) as error:
                _log.error("recordings cannot be looked after", problem=str(error))
            await asyncio.sleep(ROUND_S)

    async def guard(self) -> None:
        """Look at the disk, delete what has expired; when it is nearly full, end what is being recorded."""
        parts = self._parts
        problem = parts.services.files.problem()
        if problem or parts.clock.monotonic() >= self._retention_at:
            self._retention_at = parts.clock.monotonic() + RETENTION_S
            await self.expire()
            problem = parts.services.files.problem()
        if problem and parts.services.files.nearly_full:
            self._full = True
            if parts.recordings.running():
                _log.error("all recordings end", problem=problem)
            parts.recordings.end_all(problem)
        elif not problem and self._full:
            self._full = False
            parts.alarms.clear("recording")

    # --- retention ------------------------------------------------------------------------------------------------------

    def _rules(self) -> Rules:
        config = self._parts.services.config
        return Rules(
            keep_days=config.recording.keep_days,
            queue_days={
                name: queue.keep_days for name, queue in config.queue.items() if queue.keep_days is not None
            },
            keep_bytes=round(config.recording.keep_gb * 1e9),
        )

    async def expire(self) -> int:
        """Delete what the rules say; how many."""
        rules, kept, now = self._rules(), self._parts.store.kept, self._parts.clock.wall()
        gone = 0
        self._gone.clear()
        for queue, before in rules.cutoffs(now):
            but = tuple(rules.queue_days) if not queue else ()
            while rows := await kept.begun_before(before, BATCH, queue=queue, but=but):
                why: dict[str, str] = {row.recording: too_old(_candidate(row), rules, now) for row in rows}
                deleted = await self._delete([row for row in rows if why[row.recording]], why)
                gone += deleted
                if deleted < len(rows):
                    break
        while rules.keep_bytes and (total := await kept.total_bytes()) > rules.keep_bytes:
            rows = await kept.oldest(BATCH)
            much = {each.recording for each in too_much(map(_candidate, rows), total, rules)}
            why = dict.fromkeys(much, f"all together take more than {rules.keep_bytes / 1e9:g} GB")
            deleted = await self._delete([row for row in rows if row.recording in much], why)
            gone += deleted
            if not deleted:
                break
        return gone

    async def _delete(self, rows: Sequence[RecordingRow], why: dict[str, str]) -> int:
        parts = self._parts
        spared = {*parts.recordings.running(), *(row.recording for row in parts.cut_off), self._converting}
        gone = 0
        for row in rows:
            if row.recording in spared or row.recording in self._gone:
                continue
            try:
                await asyncio.to_thread(parts.services.files.delete, row.path)
            except (OSError, StorageError) as error:
                _log.error(
                    "an expired recording cannot be deleted", recording=row.recording, problem=str(error)
                )
                continue
            parts.store.recording(replace(row, state="expired", deleted_at=parts.clock.wall()))
            _log.info("recording deleted", recording=row.recording, call=row.call, why=why[row.recording])
            self._gone.add(row.recording)
            gone += 1
            if row.box:
                parts.boxes.changed()
        return gone

    # --- conversion -----------------------------------------------------------------------------------------------------

    async def convert_some(self) -> int:
        """One after another, in a process of its own; how many."""
        parts = self._parts
        config = parts.services.config.recording
        if not config.convert:
            return 0
        done = 0
        spared = {*self._failed, *(row.recording for row in parts.cut_off)}
        ended_before = parts.clock.wall() - config.convert_after_s
        for row in await parts.store.kept.unconverted(ended_before, BATCH + len(spared)):
            if row.recording in spared or row.recording in parts.recordings.running():
                continue
            if parts.services.files.problem() or done >= BATCH:
                break
            self._converting = row.recording
            try:
                done += await self._convert(row, config.convert)
            finally:
                self._converting = ""
        return done

    async def _convert(self, row: RecordingRow, format: str) -> bool:
        parts = self._parts
        old = parts.services.files.path(row.path)
        new = old.with_suffix(SUFFIXES[format])
        try:
            await convert(old, new, format, check=True)
            size = new.stat().st_size
        except (StorageError, TimeoutError, OSError) as error:
            if len(self._failed) < MOST_FAILED:
                self._failed[row.recording] = None
            _log.error("a recording cannot be converted", recording=row.recording, problem=str(error))
            parts.alarms.raise_("conversion", f"{row.recording}: {error}")
            return False
        name = str(Path(row.path).with_suffix(SUFFIXES[format]))
        converted = replace(row, path=name, encoding=format.upper(), bytes=size)
        if not await parts.store.writer.commit(converted):
            # The row waits for its turn; the old file goes at the next start, or with the new one.
            _log.warning("the row of a converted recording waits", recording=row.recording)
            return True
        old.unlink(missing_ok=True)
        return True

    async def finish_conversions(self) -> None:
        """Remove what a crash left: parts of conversions, and old files whose row names the new one."""
        files, kept = self._parts.services.files, self._parts.store.kept
        twins = await asyncio.to_thread(files.unfinished)
        for name in twins:
            row = await kept.named(name.with_suffix(""), tuple(SUFFIXES.values()))
            if row is not None and row.path != str(name):
                with suppress(OSError, StorageError):
                    files.path(str(name)).unlink(missing_ok=True)


def _candidate(row: RecordingRow) -> Candidate:
    return Candidate(recording=row.recording, queue=row.queue or "", began=row.began, bytes=row.bytes or 0)
