"""The audit trail: one row for each act and each refusal; added, read, and never changed.

The table refuses UPDATE and DELETE by triggers of its own (migration 0012), so that not even a fault of ours alters what
was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from softswitch.store import schema
from softswitch.store.audit_row import AuditRow
from softswitch.store.reader import Reader, Record
from softswitch.store.writer import BatchWriter

LARGEST_LIMIT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """All that is given must fit."""

    since: float | None = None
    until: float | None = None
    actor: str = ""
    act: str = ""
    """`agent.pause`; `agent.*` is all of a thing."""
    target: str = ""
    surface: str = ""
    result: str = ""
    limit: int = 100


class StoredAudit:
    def __init__(self, reader: Reader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def add(self, row: AuditRow) -> bool:
        """True: it is on disk. False after at most 50 ms when the storage fails: it waits in memory."""
        return await self._writer.commit(row)

    def add_soon(self, row: AuditRow) -> None:
        self._writer.submit(row)

    async def rows(self, wanted: AuditFilter) -> list[Record]:
        """Newest first."""
        table = schema.audit
        statement = select(table)
        if wanted.since is not None:
            statement = statement.where(table.c.at >= wanted.since)
        if wanted.until is not None:
            statement = statement.where(table.c.at < wanted.until)
        if wanted.act.endswith(".*"):
            statement = statement.where(table.c.act.startswith(wanted.act[:-1], autoescape=True))
        same: Mapping[str, str] = {
            "actor": wanted.actor,
            "act": "" if wanted.act.endswith(".*") else wanted.act,
            "target": wanted.target,
            "surface": wanted.surface,
            "result": wanted.result,
        }
        for name, value in same.items():
            if value:
                statement = statement.where(table.c[name] == value)
        await self._writer.flush()
        newest = statement.order_by(table.c.at.desc(), table.c.audit.desc())
        return await self._reader.records(newest.limit(max(1, min(wanted.limit, LARGEST_LIMIT))))
