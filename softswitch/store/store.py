"""The facade of the store: what the rest of the switch calls, each name a row or a question.

Writes go to the one batching writer; only the start and the end of a call are waited for, and never longer than 50 ms.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import select

from softswitch.clock import Clock
from softswitch.ids import CallId, EndpointName, RecordingId
from softswitch.store import schema
from softswitch.store.audit import StoredAudit
from softswitch.store.callbacks import StoredCallbacks
from softswitch.store.crash import CrashClosing, closing
from softswitch.store.deriving import Deriver
from softswitch.store.kept import KeptRecordings
from softswitch.store.mails import Mails
from softswitch.store.messages import Messages
from softswitch.store.opening import path_of, prepare
from softswitch.store.promise_rows import CallbackRow, PromiseRow
from softswitch.store.reader import Reader, as_row
from softswitch.store.reading import Reading
from softswitch.store.reports import Reports
from softswitch.store.rows import (
    AgentInterval,
    AgentRow,
    AttemptRow,
    CallFinished,
    CallStarted,
    FarewellRow,
    FarewellSaid,
    Heartbeat,
    JournalEntry,
    LegRow,
    OfferRow,
    QueueLogRow,
    QueueVisit,
    RecordingRow,
    RegistrationGone,
    RegistrationRow,
    Row,
    SegmentRow,
    SnapshotRow,
    SupervisionRow,
)
from softswitch.store.sqlite import SqliteSink
from softswitch.store.surveys import Surveys
from softswitch.store.writer import AlarmCallback, BatchWriter

_Row = TypeVar("_Row")


class Store:
    """Made by `Store.open`."""

    def __init__(
        self,
        node: str,
        lock: IO[bytes],
        writer: BatchWriter,
        reader: Reader,
        reports: Reports,
        clock: Clock,
        path: Path,
    ) -> None:
        self._node = node
        self._lock = lock
        self._reader = reader
        self._clock = clock
        self.writer = writer
        self.reading = Reading(reader, writer)
        self.reports = reports
        self.path = path
        self.kept = KeptRecordings(reader, writer)
        self.messages = Messages(reader, writer)
        self.callbacks = StoredCallbacks(reader, writer)
        self.mails = Mails(reader, writer)
        self.surveys = Surveys(reader, writer)
        self.audit = StoredAudit(reader, writer)

    @classmethod
    async def open(cls, url: str, *, clock: Clock, on_alarm: AlarmCallback, node: str = "sw1") -> "Store":
        """Make or upgrade the database at `url` and begin to write; raises UnusableError saying what to do."""
        path = path_of(url)
        lock = await asyncio.to_thread(prepare, path)
        writer = BatchWriter(SqliteSink(path), on_alarm)
        # A connection of its own: a report of a month must not keep a call's detail waiting.
        reports = Reports(await Reader.open(path), writer, Deriver(path), clock)
        return cls(node, lock, writer, await Reader.open(path), reports, clock, path)

    async def close(self) -> None:
        """Write all that waits, then let go of the file."""
        await self.writer.close()
        await self._reader.close()
        await self.reports.close()
        self._lock.close()

    async def call_started(self, row: CallStarted) -> bool:
        """True once committed; False after at most 50 ms when the storage fails: the row waits, the call goes on."""
        return await self.writer.commit(row)

    async def call_finished(self, row: CallFinished) -> bool:
        """Complete the CDR and end the journal of the call in one transaction; answers like `call_started`."""
        return await self.writer.commit(row)

    def journal(self, row: JournalEntry) -> None:
        self.writer.submit(row)

    def snapshot(self, row: SnapshotRow, *, now: bool = False) -> None:
        """Replace the one before of the same call; it goes with the call's end. `now`: as soon as can be."""
        self.writer.submit(row, now=now)

    def farewell(self, row: FarewellRow) -> None:
        """Insert it, or replace the one before."""
        self.writer.submit(row, now=True)

    def farewell_said(self, farewell: str) -> None:
        self.writer.submit(FarewellSaid(farewell=farewell))

    def leg(self, row: LegRow) -> None:
        self.writer.submit(row)

    def offer(self, row: OfferRow) -> None:
        self.writer.submit(row)

    def promise(self, row: PromiseRow) -> None:
        self.writer.submit(row)

    def callback(self, row: CallbackRow) -> None:
        """Insert it, or replace the row of the same one."""
        self.writer.submit(row)

    def segment(self, row: SegmentRow) -> None:
        self.writer.submit(row)

    def attempt(self, row: AttemptRow) -> None:
        self.writer.submit(row)

    def supervision(self, row: SupervisionRow) -> None:
        """Insert it, or replace the row of the same stay."""
        self.writer.submit(row)

    def visit(self, row: QueueVisit) -> None:
        self.writer.submit(row)

    def interval(self, row: AgentInterval) -> None:
        self.writer.submit(row)

    def recording(self, row: RecordingRow) -> None:
        """Insert it, or replace the row of the same recording."""
        self.writer.submit(row)

    def agent(self, row: AgentRow) -> None:
        self.writer.submit(row)

    def registration(self, row: RegistrationRow) -> None:
        self.writer.submit(row)

    def registration_gone(self, endpoint: EndpointName, contact: str) -> None:
        self.writer.submit(RegistrationGone(endpoint=endpoint, contact=contact))

    def queue_log(self, row: QueueLogRow) -> None:
        self.writer.submit(row)

    def heartbeat(self, wall: float | None = None) -> None:
        """To be called at least every second: a crash ends this node's calls at the last one."""
        self.writer.submit(Heartbeat(node=self._node, wall=self._clock.wall() if wall is None else wall))

    async def registrations(self) -> tuple[RegistrationRow, ...]:
        """Those that have not ended yet."""
        table = schema.registrations
        return await self._rows(RegistrationRow, select(table).where(table.c.expires > self._clock.wall()))

    async def agents(self) -> tuple[AgentRow, ...]:
        return await self._rows(AgentRow, select(schema.agents))

    async def journal_entries(self) -> tuple[JournalEntry, ...]:
        return await self._rows(JournalEntry, select(schema.journal).order_by(schema.journal.c.entered))

    async def unfinished_calls(self) -> tuple[CallStarted, ...]:
        """Calls that have begun and not ended."""
        table = schema.calls
        columns = [table.c[field.name] for field in fields(CallStarted)]
        return await self._rows(
            CallStarted, select(*columns).where(table.c.ended.is_(None)).order_by(table.c.started)
        )

    async def snapshots(self) -> tuple[SnapshotRow, ...]:
        """Of the calls that have not ended."""
        table, calls = schema.snapshots, schema.calls
        unfinished = select(calls.c.call).where(calls.c.ended.is_(None))
        return await self._rows(SnapshotRow, select(table).where(table.c.call.in_(unfinished)))

    async def farewells(self) -> tuple[FarewellRow, ...]:
        """What has not been said yet."""
        return await self._rows(FarewellRow, select(schema.farewells))

    async def alive_until(self) -> float:
        """When this node's last run, or this one, is known to have lived last; wall seconds, 0 when there was none."""
        query = select(schema.heartbeats).where(schema.heartbeats.c.node == self._node)
        return max((beat["wall"] for beat in await self._reader.records(query)), default=0.0)

    async def close_unfinished(
        self,
        but: frozenset[CallId] = frozenset(),
        running: frozenset[RecordingId] = frozenset(),
        farewells: Iterable[FarewellRow] = (),
    ) -> CrashClosing:
        """At start: give each call that a crash cut off its one CDR, but those that go on, with the recordings that
        run, and end supervisors' stays. Says what was closed. `farewells` are stored no later: with its CDR a call's
        snapshot goes, and the peers are not told yet.

        The lock on the file makes sure that no living switch owns them.
        """
        unfinished = select(schema.recordings).where(schema.recordings.c.state == "recording")
        heard = select(schema.supervisions).where(schema.supervisions.c.ended.is_(None))
        beats = await self._reader.records(select(schema.heartbeats))
        closed = closing(
            heartbeats={beat["node"]: beat["wall"] for beat in beats},
            calls=[row for row in await self.unfinished_calls() if row.call not in but],
            journal={entry.call: entry for entry in await self.journal_entries()},
            recordings=[
                row for row in await self._rows(RecordingRow, unfinished) if row.recording not in running
            ],
            supervisions=await self._rows(SupervisionRow, heard),
        )
        rows: tuple[Row, ...] = (
            *farewells,
            *closed.calls,
            *closed.visits,
            *closed.recordings,
            *closed.supervisions,
        )
        for row in rows:
            self.writer.submit(row)
        await self.writer.flush(10.0)
        return closed

    async def _rows(self, kind: type[_Row], statement: Any) -> tuple[_Row, ...]:
        await self.writer.flush()
        return tuple(as_row(kind, record) for record in await self._reader.records(statement))
