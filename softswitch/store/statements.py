"""How each row of `store/rows.py` becomes one statement and its parameters, as one table in the order of execution.

Within a batch the rows of one kind are written together, so the order between kinds is the order of the table:
a call's start before its end, a journal entry before its removal.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, Table, bindparam, delete, update
from sqlalchemy.dialects.sqlite import dialect, insert

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


def _getter(names: Sequence[str], as_json: str = "") -> Callable[[Any], Parameters]:
    get: Callable[[Any], Parameters] = attrgetter(*names)
    if not as_json:
        return get
    at = list(names).index(as_json)

    def parameters(row: Any) -> Parameters:
        values = get(row)
        value = values[at]
        return (*values[:at], _json(dict(value)) if value else "{}", *values[at + 1 :])

    return parameters


def _insert(table: Table, *, replace: bool, as_json: str = "") -> Statement:
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    if replace:
        changed = {
            column.name: statement.excluded[column.name]
            for column in table.columns
            if column.name not in keys
        }
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    else:
        statement = statement.on_conflict_do_nothing()
    if table is schema.calls:
        started = [field for field in CallStarted.__dataclass_fields__ if field in table.columns]
        sql, names = compiled(statement.values({name: bindparam(name) for name in started}))
    elif table is schema.queue_log:
        lines = [column.name for column in table.columns if column.name != "id"]
        sql, names = compiled(statement.values({name: bindparam(name) for name in lines}))
    else:
        sql, names = compiled(statement)
    return Statement(sql, _getter(names, as_json))


def _finish() -> Statement:
    fields = [name for name in CallFinished.__dataclass_fields__ if name != "call"]
    statement = (
        update(schema.calls)
        .where(schema.calls.c.call == bindparam("key"), schema.calls.c.ended.is_(None))
        .values({name: bindparam(name) for name in fields})
    )
    sql, names = compiled(statement)
    return Statement(sql, _getter([name if name != "key" else "call" for name in names], "labels"))


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
    CallStarted: _insert(schema.calls, replace=False),
    JournalEntry: _insert(schema.journal, replace=True, as_json="arguments"),
    SnapshotRow: _insert(schema.snapshots, replace=True),
    FarewellRow: _insert(schema.farewells, replace=True),
    FarewellSaid: _remove(schema.farewells, "farewell"),
    CallFinished: _finish(),
    LegRow: _insert(schema.legs, replace=True),
    QueueVisit: _insert(schema.queue_visits, replace=True),
    OfferRow: _insert(schema.offers, replace=True),
    CallbackRow: _insert(schema.callbacks, replace=True, as_json="labels"),
    PromiseRow: _insert(schema.wait_promises, replace=True),
    SegmentRow: _insert(schema.segments, replace=True),
    AttemptRow: _insert(schema.attempts, replace=True),
    SupervisionRow: _insert(schema.supervisions, replace=True),
    AuditRow: _insert(schema.audit, replace=False),
    RecordingRow: _insert(schema.recordings, replace=True, as_json="labels"),
    MessageMark: _insert(schema.message_marks, replace=True),
    MailRow: _insert(schema.mails, replace=True),
    SurveyAnswer: _insert(schema.survey_answers, replace=True),
    AgentInterval: _insert(schema.agent_intervals, replace=False),
    AgentRow: _insert(schema.agents, replace=True),
    RegistrationGone: _remove_registration(),
    RegistrationRow: _insert(schema.registrations, replace=True),
    QueueLogRow: _insert(schema.queue_log, replace=False),
    Heartbeat: _insert(schema.heartbeats, replace=True),
}
REMOVE_FINISHED = (_remove(schema.journal), _remove(schema.snapshots))
"""Run for each finished call, in the same transaction as its CDR."""
