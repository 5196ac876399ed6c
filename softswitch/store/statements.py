"""How each row of `store/rows.py` becomes one statement and its parameters, as one table in the order of execution.

Within a batch the rows of one kind are written together, so the order between kinds is the order of the table:
a call's start before its end, a journal entry before its removal.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec.structs import astuple
from sqlalchemy import ClauseElement, Table, bindparam, delete
from sqlalchemy.dialects.sqlite import dialect

from softswitch.compact import encoder
from softswitch.store import schema
from softswitch.store.audit_row import AuditRow
from softswitch.store.promise_rows import CallbackRow, PromiseRow
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
    MessageMark,
    OfferRow,
    QueueLogRow,
    QueueVisit,
    RecordingRow,
    RegistrationGone,
    RegistrationRow,
    SegmentRow,
    SnapshotRow,
    SupervisionRow,
)
from softswitch.store.voice_rows import MailRow, SurveyAnswer

Parameters = tuple[Any, ...]
_DIALECT = dialect(paramstyle="qmark")


class Statement(NamedTuple):
    sql: str
    parameters: Callable[[Any], Parameters]


def compiled(statement: ClauseElement) -> tuple[str, Sequence[str]]:
    """SQL text with `?` and the names of its parameters in their order."""
    result = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    return str(result), getattr(result, "positiontup", None) or ()


def bound(statement: ClauseElement) -> tuple[str, Parameters]:
    """SQL text and the values that the statement carries itself."""
    result = statement.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    names: Sequence[str] = getattr(result, "positiontup", None) or ()
    values = result.params
    return str(result), tuple(values[name] for name in names)


_json = encoder(default=str)
_quoted: Callable[[str], str] = _DIALECT.identifier_preparer.quote


def _fields_of(kind: Any) -> Iterable[str]:
    names: Iterable[str] = kind.__struct_fields__
    return names


def _values(fields: Sequence[str], as_json: str) -> Callable[[Any], Parameters]:
    """What a row holds, in the order of its fields."""
    if not as_json:
        return astuple
    at = fields.index(as_json)

    def parameters(row: Any) -> Parameters:
        values = astuple(row)
        value = values[at]
        return (*values[:at], _json(dict(value)) if value else "{}", *values[at + 1 :])

    return parameters


def _insert(kind: type, table: Table, *, replace: bool, as_json: str = "") -> Statement:
    """Columns in the order of the row's fields, so that a row is its own parameters."""
    fields = list(_fields_of(kind))
    columns, marks = ", ".join(map(_quoted, fields)), ", ".join("?" * len(fields))
    if not replace:
        # What one of many rows has done is never undone alone, which would take a copy of each page that they change:
        # where one fails, the transaction does.
        sql = f"INSERT OR FAIL INTO {table.name} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        return Statement(sql, _values(fields, as_json))
    keys = [column.name for column in table.primary_key]
    changed = ", ".join(f"{name} = excluded.{name}" for name in map(_quoted, fields) if name not in keys)
    sql = f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"
    return Statement(
        f"{sql} ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changed}", _values(fields, as_json)
    )


def _finish() -> Statement:
    fields = list(_fields_of(CallFinished))
    values = _values(fields, "labels")
    key, *others = fields
    changed = ", ".join(f"{_quoted(name)} = ?" for name in others)

    def parameters(row: CallFinished) -> Parameters:
        call, *rest = values(row)
        return (*rest, call)

    return Statement(f"UPDATE calls SET {changed} WHERE {_quoted(key)} = ? AND ended IS NULL", parameters)


def _remove(table: Table, key: str = "call") -> Statement:
    sql, _ = compiled(delete(table).where(table.c[key] == bindparam("key")))
    get = attrgetter(key)
    return Statement(sql, lambda row: (get(row),))


def _remove_registration() -> Statement:
    table = schema.registrations
    keys = (table.c.endpoint == bindparam("endpoint"), table.c.contact == bindparam("contact"))
    sql, names = compiled(delete(table).where(*keys))
    return Statement(sql, attrgetter(*names))


STATEMENTS: dict[type, Statement] = {
    CallStarted: _insert(CallStarted, schema.calls, replace=False),
    JournalEntry: _insert(JournalEntry, schema.journal, replace=True, as_json="arguments"),
    SnapshotRow: _insert(SnapshotRow, schema.snapshots, replace=True),
    FarewellRow: _insert(FarewellRow, schema.farewells, replace=True),
    FarewellSaid: _remove(schema.farewells, "farewell"),
    CallFinished: _finish(),
    LegRow: _insert(LegRow, schema.legs, replace=True),
    QueueVisit: _insert(QueueVisit, schema.queue_visits, replace=True),
    OfferRow: _insert(OfferRow, schema.offers, replace=True),
    CallbackRow: _insert(CallbackRow, schema.callbacks, replace=True, as_json="labels"),
    PromiseRow: _insert(PromiseRow, schema.wait_promises, replace=True),
    SegmentRow: _insert(SegmentRow, schema.segments, replace=True),
    AttemptRow: _insert(AttemptRow, schema.attempts, replace=True),
    SupervisionRow: _insert(SupervisionRow, schema.supervisions, replace=True),
    AuditRow: _insert(AuditRow, schema.audit, replace=False),
    RecordingRow: _insert(RecordingRow, schema.recordings, replace=True, as_json="labels"),
    MessageMark: _insert(MessageMark, schema.message_marks, replace=True),
    MailRow: _insert(MailRow, schema.mails, replace=True),
    SurveyAnswer: _insert(SurveyAnswer, schema.survey_answers, replace=True),
    AgentInterval: _insert(AgentInterval, schema.agent_intervals, replace=False),
    AgentRow: _insert(AgentRow, schema.agents, replace=True),
    RegistrationGone: _remove_registration(),
    RegistrationRow: _insert(RegistrationRow, schema.registrations, replace=True),
    QueueLogRow: _insert(QueueLogRow, schema.queue_log, replace=False),
    Heartbeat: _insert(Heartbeat, schema.heartbeats, replace=True),
}
REMOVE_FINISHED = (_remove(schema.journal), _remove(schema.snapshots))
"""Run for each finished call, in the same transaction as its CDR."""
