"""Answers of callers in surveys, joined with their calls. Reads only."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select

from softswitch.store import schema
from softswitch.store.reader import Reader, Record
from softswitch.store.voice_rows import SurveyAnswer
from softswitch.store.writer import BatchWriter

_table = schema.survey_answers


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyFilter:
    """Empty and None mean any."""

    since: float | None = None
    until: float | None = None
    survey: str = ""
    queue: str = ""
    agent: str = ""
    call: str = ""
    limit: int = 1000


class Surveys:
    def __init__(self, reader: Reader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    def put(self, row: SurveyAnswer) -> None:
        self._writer.submit(row)

    async def answers(self, wanted: SurveyFilter) -> list[Record]:
        """Newest first: the fields of `SurveyAnswer`, and of the call `dnis`, `started`, `talk_s` and `wait_s`."""
        await self._writer.flush()
        calls = schema.calls
        statement = (
            select(_table, calls.c.dnis, calls.c.started, calls.c.talk_s, calls.c.wait_s)
            .outerjoin(calls, calls.c.call == _table.c.call)
            .order_by(_table.c.began.desc(), _table.c.call, _table.c.question)
            .limit(wanted.limit)
        )
        return await self._reader.records(_those(statement, wanted))

    async def tally(self, wanted: SurveyFilter) -> list[Record]:
        """How often each answer was given: `survey`, `question`, `queue`, `agent`, `answer`, `recordings`, `count`."""
        await self._writer.flush()
        by = (_table.c.survey, _table.c.question, _table.c.queue, _table.c.agent, _table.c.answer)
        spoken = func.sum(_table.c.recording != "").label("recordings")
        statement = select(*by, spoken, func.count().label("count")).group_by(*by)
        return await self._reader.records(_those(statement, wanted))


def _those(statement: Select[Any], wanted: SurveyFilter) -> Select[Any]:
    if wanted.since is not None:
        statement = statement.where(_table.c.began >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(_table.c.began < wanted.until)
    for name in ("survey", "queue", "agent", "call"):
        value = getattr(wanted, name)
        if value:
            statement = statement.where(_table.c[name] == value)
    return statement
