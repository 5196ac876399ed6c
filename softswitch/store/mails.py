"""Mails about messages as a restart and the command line need them. Reads only."""

from sqlalchemy import select

from softswitch.store import schema
from softswitch.store.reader import Reader, as_row
from softswitch.store.voice_rows import MailRow
from softswitch.store.writer import BatchWriter

MOST = 10_000
_table = schema.mails


class Mails:
    def __init__(self, reader: Reader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    def put(self, row: MailRow) -> None:
        """Insert it, or replace the row of the same message."""
        self._writer.submit(row)

    async def open(self) -> tuple[MailRow, ...]:
        """Those that are still to be sent, the oldest first."""
        await self._writer.flush()
        statement = select(_table).where(_table.c.ended.is_(None)).order_by(_table.c.asked).limit(MOST)
        return tuple(as_row(MailRow, record) for record in await self._reader.records(statement))

    async def of(self, recordings: tuple[str, ...]) -> dict[str, MailRow]:
        """By message, of those messages that are or were to be sent."""
        await self._writer.flush()
        statement = select(_table).where(_table.c.recording.in_(recordings[:MOST]))
        rows = [as_row(MailRow, record) for record in await self._reader.records(statement)]
        return {row.recording: row for row in rows}
