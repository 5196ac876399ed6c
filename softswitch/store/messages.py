"""The messages that callers have left in boxes: which are new, how many. They are recordings with a box.

A message is new until it is marked as heard. What is shorter than `SHORTEST_S`, or was never finished, is none.
"""

from typing import Any

from sqlalchemy import Select, func, select

from softswitch.ids import RecordingId
from softswitch.store import schema
from softswitch.store.kept import FINISHED
from softswitch.store.reader import Reader, Record, as_row
from softswitch.store.rows import MessageMark, RecordingRow
from softswitch.store.writer import BatchWriter

SHORTEST_S = 1.0
"""As the stage that records it has it: less is a caller who hung up at the beep."""
Found = tuple[RecordingRow, float | None]
"""A message, and when it was heard."""
_table, _marks = schema.recordings, schema.message_marks


class Messages:
    def __init__(self, reader: Reader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    def mark(self, recording: RecordingId, heard: float | None) -> None:
        """Heard at this time, or new again."""
        self._writer.submit(MessageMark(recording=recording, heard=heard))

    async def counts(self) -> dict[str, tuple[int, int]]:
        """New and old messages of each box that has any."""
        statement = select(
            _table.c.box,
            func.count().label("all"),
            func.count(_marks.c.heard).label("old"),
        )
        records = await self._records(_of(statement).group_by(_table.c.box))
        return {record["box"]: (record["all"] - record["old"], record["old"]) for record in records}

    async def listed(self, *, box: str = "", new: bool | None = None, limit: int = 100) -> list[Found]:
        """Newest first."""
        statement = _of(select(_table, _marks.c.heard))
        if box:
            statement = statement.where(_table.c.box == box)
        if new is not None:
            statement = statement.where(_marks.c.heard.is_(None) if new else _marks.c.heard.is_not(None))
        return [
            _found(record)
            for record in await self._records(statement.order_by(_table.c.began.desc()).limit(limit))
        ]

    async def find(self, recording: str) -> Found | None:
        statement = _of(select(_table, _marks.c.heard)).where(_table.c.recording == recording)
        records = await self._records(statement)
        return _found(records[0]) if records else None

    async def _records(self, statement: Select[Any]) -> list[Record]:
        await self._writer.flush()
        return await self._reader.records(statement)


def _found(record: Record) -> Found:
    heard = record.pop("heard")
    return as_row(RecordingRow, record), heard


def _of(statement: Select[Any]) -> Select[Any]:
    joined = _table.outerjoin(_marks, _table.c.recording == _marks.c.recording)
    return statement.select_from(joined).where(
        _table.c.box != "",
        _table.c.deleted_at.is_(None),
        _table.c.state.in_(FINISHED),
        _table.c.seconds >= SHORTEST_S,
    )
