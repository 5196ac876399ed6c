"""Which recordings are kept, as the rules of retention and the conversion ask for them. Reads only."""

from pathlib import Path

from sqlalchemy import Select, func, select

from softswitch.store import schema
from softswitch.store.reader import Reader, as_row
from softswitch.store.rows import RecordingRow
from softswitch.store.writer import BatchWriter

_table = schema.recordings
FINISHED = ("ended", "failed", "crashed")


class KeptRecordings:
    def __init__(self, reader: Reader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def unconverted(self, ended_before: float, limit: int) -> list[RecordingRow]:
        """Finished WAV files with sound in them, oldest first."""
        ended = _table.c.began + _table.c.seconds
        wanted = _of(_table.c.path.like("%.wav"), _table.c.seconds > 0, ended < ended_before)
        return await self._rows(wanted.limit(limit))

    async def begun_before(
        self, wall: float, limit: int, *, queue: str = "", but: tuple[str, ...] = ()
    ) -> list[RecordingRow]:
        """Finished ones, oldest first: of one queue, or of all but some."""
        mine = _table.c.queue == queue if queue else func.coalesce(_table.c.queue, "").not_in(but)
        return await self._rows(_of(_table.c.began < wall, mine).limit(limit))

    async def oldest(self, limit: int) -> list[RecordingRow]:
        return await self._rows(_of().limit(limit))

    async def named(self, path: Path, suffixes: tuple[str, ...]) -> RecordingRow | None:
        """The one whose file has this name with one of these endings."""
        names = [f"{path}{suffix}" for suffix in suffixes]
        rows = await self._rows(_of(_table.c.path.in_(names)).limit(1))
        return rows[0] if rows else None

    async def total_bytes(self) -> int:
        """Of the finished ones."""
        statement = select(func.coalesce(func.sum(_table.c.bytes), 0).label("total"))
        await self._writer.flush()
        [record] = await self._reader.records(
            statement.where(_table.c.deleted_at.is_(None), _table.c.state.in_(FINISHED))
        )
        return int(record["total"])

    async def _rows(self, statement: Select[tuple[object, ...]]) -> list[RecordingRow]:
        await self._writer.flush()
        return [as_row(RecordingRow, record) for record in await self._reader.records(statement)]


def _of(*conditions: object) -> Select[tuple[object, ...]]:
    finished = (_table.c.deleted_at.is_(None), _table.c.state.in_(FINISHED))
    return select(_table).where(*finished, *conditions).order_by(_table.c.began)  # type: ignore[arg-type]
