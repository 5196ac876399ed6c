"""What has happened, as the command line asks for it: calls, one call with its detail, recordings.

Values are bound parameters; patterns are escaped, so a `%` in a number means itself. Answers are plain dictionaries with
the names of the columns, newest first.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Table, case, func, or_, select

from softswitch.store import schema
from softswitch.store.reader import Reader, Record
from softswitch.store.writer import BatchWriter

LARGEST_LIMIT = 10_000
MOST_ATTEMPTS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """All that is given must fit."""

    since: float | None = None
    until: float | None = None
    number: str = ""
    """Part of the caller's or the called number."""
    agent: str = ""
    queue: str = ""
    call: str = ""
    """A call's id or the SIP Call-ID it came with."""
    cause: str = ""
    finished_only: bool = False
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFilter:
    """All that is given must fit."""

    since: float | None = None
    until: float | None = None
    number: str = ""
    agent: str = ""
    queue: str = ""
    call: str = ""
    recording: str = ""
    box: str | None = None
    """A message box; empty: talks only; None: both."""
    state: str = ""
    limit: int = 100
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionFilter:
    """All that is given must fit."""

    since: float | None = None
    until: float | None = None
    supervisor: str = ""
    """`endpoint:NAME`."""
    agent: str = ""
    call: str = ""
    limit: int = 100


class Reading:
    def __init__(self, reader: Reader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def calls(self, wanted: CallFilter) -> list[Record]:
        """CDRs, and calls that have not ended unless `finished_only`."""
        table = schema.calls
        statement = _between(select(table), table, "started", wanted.since, wanted.until)
        statement = _number(statement, table, wanted.number)
        statement = _equal(statement, table, agent=wanted.agent, queue=wanted.queue, cause=wanted.cause)
        if wanted.call:
            statement = statement.where(or_(table.c.call == wanted.call, table.c.sip_call_id == wanted.call))
        if wanted.finished_only:
            statement = statement.where(table.c.ended.is_not(None))
        return await self._records(_newest(statement, table, "started", wanted.limit, wanted.offset))

    async def call(self, call: str) -> Record | None:
        """One call with its `legs`, `visits`, `offers`, `recordings` and `queue_log`; None: unknown."""
        found = await self.calls(CallFilter(call=call, limit=1))
        if not found:
            return None
        record = found[0]
        for name, table, order in (
            ("legs", schema.legs, "began"),
            ("segments", schema.segments, "began"),
            ("attempts", schema.attempts, "began"),
            ("visits", schema.queue_visits, "entered"),
            ("offers", schema.offers, "offered"),
            ("recordings", schema.recordings, "began"),
        ):
            statement = (
                select(table)
                .where(table.c.call == record["call"])
                .order_by(table.c[order])
                .limit(LARGEST_LIMIT)
            )
            record[name] = await self._records(statement)
        lines = schema.queue_log
        columns = [column for column in lines.columns if column.name != "id"]
        statement = (
            select(*columns).where(lines.c.callid == record["call"]).order_by(lines.c.id).limit(LARGEST_LIMIT)
        )
        record["queue_log"] = await self._records(statement)
        return record

    async def past_attempts(self, since: float) -> list[Record]:
        """`source`, `number`, `began` and `talk_s` of each call out, at however many trunks it was tried; one that a
        crash cut off talked until the switch was last known to be alive."""
        tries, calls = schema.attempts, schema.calls
        talked = case(
            (tries.c.answered.is_(None), 0.0), else_=func.max(0.0, calls.c.ended - tries.c.answered)
        )
        began = func.min(tries.c.began)
        statement = (
            select(
                tries.c.source,
                tries.c.number,
                began.label("began"),
                func.sum(func.coalesce(talked, 0.0)).label("talk_s"),
            )
            .join(calls, calls.c.call == tries.c.call)
            .where(tries.c.began >= since)
            .group_by(tries.c.call, tries.c.number)
            .order_by(began)
            .limit(MOST_ATTEMPTS)
        )
        return await self._records(statement)

    async def recordings(self, wanted: RecordingFilter) -> list[Record]:
        table = schema.recordings
        statement = _between(select(table), table, "began", wanted.since, wanted.until)
        statement = _number(statement, table, wanted.number)
        statement = _equal(
            statement,
            table,
            agent=wanted.agent,
            queue=wanted.queue,
            call=wanted.call,
            recording=wanted.recording,
            state=wanted.state,
        )
        if wanted.box is not None:
            statement = statement.where(table.c.box == wanted.box)
        return await self._records(_newest(statement, table, "began", wanted.limit, wanted.offset))

    async def supervisions(self, wanted: SupervisionFilter) -> list[Record]:
        """Who has listened to whom."""
        table = schema.supervisions
        statement = _between(select(table), table, "began", wanted.since, wanted.until)
        statement = _equal(
            statement, table, supervisor=wanted.supervisor, agent=wanted.agent, call=wanted.call
        )
        return await self._records(_newest(statement, table, "began", wanted.limit, 0))

    async def agent_intervals(self, agent: str, since: float, until: float) -> list[Record]:
        """What an agent did, oldest first."""
        table = schema.agent_intervals
        statement = select(table).where(table.c.agent == agent, table.c.ended > since, table.c.began < until)
        return await self._records(statement.order_by(table.c.began).limit(LARGEST_LIMIT))

    async def _records(self, statement: Select[Any]) -> list[Record]:
        await self._writer.flush()
        return [_mappings(record) for record in await self._reader.records(statement)]


def _between(
    statement: Select[Any], table: Table, name: str, since: float | None, until: float | None
) -> Select[Any]:
    column = table.c[name]
    if since is not None:
        statement = statement.where(column >= since)
    return statement if until is None else statement.where(column < until)


def _number(statement: Select[Any], table: Table, number: str) -> Select[Any]:
    if not number:
        return statement
    return statement.where(
        or_(table.c.ani.contains(number, autoescape=True), table.c.dnis.contains(number, autoescape=True))
    )


def _equal(statement: Select[Any], table: Table, **wanted: str) -> Select[Any]:
    for name, value in wanted.items():
        if value:
            statement = statement.where(table.c[name] == value)
    return statement


def _newest(statement: Select[Any], table: Table, name: str, limit: int, offset: int) -> Select[Any]:
    ordered = statement.order_by(table.c[name].desc()).limit(max(1, min(limit, LARGEST_LIMIT)))
    return ordered.offset(max(0, offset))


def _mappings(record: Record) -> Record:
    for name in ("labels", "why"):
        if record.get(name):
            try:
                record[name] = json.loads(record[name])
            except ValueError:
                record[name] = {"text": record[name]}
    return record
