"""The tables, as SQLAlchemy Core describes them; the migrations of `store/migrations` make them.

Columns bear the names of the fields of `store/rows.py`. Every table has a natural key, so that a batch which is
written again after a failure of unknown outcome doubles nothing; only `queue_log` is a plain sequence of lines.
Times are wall seconds since 1970.
"""

from typing import Any

from sqlalchemy import Column, Float, Index, Integer, MetaData, Table, Text, text

metadata = MetaData()
_KEYED: Any = {"sqlite_with_rowid": False}
"""The key is the table: one tree less to write in each commit."""


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False)


def _real(name: str, *, key: bool = False) -> Column[float]:
    return Column(name, Float, primary_key=key, nullable=False)


def _integer(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _maybe_text(name: str) -> Column[str]:
    return Column(name, Text, nullable=True)


def _maybe_integer(name: str) -> Column[int]:
    return Column(name, Integer, nullable=True)


def _maybe_real(name: str) -> Column[float]:
    return Column(name, Float, nullable=True)


calls = Table(
    "calls",
    metadata,
    _text("call", key=True),
    _text("node"),
    _real("started"),
    _text("source"),
    _text("ani"),
    _text("ani_name"),
    _text("dnis"),
    _text("sip_call_id"),
    _maybe_real("ended"),
    _maybe_real("answered"),
    _maybe_real("bridged"),
    _maybe_text("ended_by"),
    _maybe_text("cause"),
    Column("sip_status", Integer, nullable=True),
    _maybe_text("last_stage"),
    _maybe_text("queue"),
    _maybe_real("wait_s"),
    _maybe_text("agent"),
    _maybe_text("destination"),
    _maybe_real("talk_s"),
    _maybe_real("hold_s"),
    _maybe_text("recording"),
    Column("packets_in", Integer, nullable=True),
    Column("packets_lost", Integer, nullable=True),
    _maybe_real("jitter_ms"),
    _maybe_text("labels"),
    _maybe_text("trail"),
    Index("calls_started", "started"),
    Index("calls_unfinished", "node", sqlite_where=text("ended IS NULL")),
    **_KEYED,
)
"""One row per call: the CDR once `ended` is set. Searched by time, then looked through: part of a number finds no index."""

legs = Table(
    "legs",
    metadata,
    _text("leg", key=True),
    _text("call"),
    _text("direction"),
    _text("party"),
    _real("began"),
    _maybe_real("answered"),
    _real("ended"),
    _integer("sip_status"),
    _text("sip_call_id"),
    _text("codec"),
    _integer("packets_in"),
    _integer("packets_out"),
    _integer("packets_lost"),
    _real("jitter_ms"),
    *(_maybe_integer(name) for name in ("late", "duplicates", "out_of_order", "peer_lost", "interruptions")),
    *(_maybe_real(name) for name in ("mos", "rtt_ms", "peer_jitter_ms", "level_db", "clipped_share")),
    *(_maybe_real(name) for name in ("silence_share", "talk_share", "overlap_s")),
    _maybe_text("impairments"),
    Index("legs_call", "call"),
    **_KEYED,
)

queue_visits = Table(
    "queue_visits",
    metadata,
    _text("call", key=True),
    _text("queue", key=True),
    _real("entered", key=True),
    _real("left"),
    _text("outcome"),
    _real("wait_s"),
    _integer("position"),
    _integer("original_position"),
    _integer("priority"),
    _maybe_text("agent"),
    _real("talk_s"),
    _real("hold_s"),
    _real("wrapup_s"),
    _text("completed_by"),
    _maybe_text("skills"),
    _maybe_text("needs"),
    Index("queue_visits_entered", "entered"),
    **_KEYED,
)

wait_promises = Table(
    "wait_promises",
    metadata,
    _text("call", key=True),
    _real("told", key=True),
    _text("queue"),
    _integer("position"),
    _real("waited_s"),
    _real("low_s"),
    _maybe_real("high_s"),
    _real("expected_s"),
    Index("wait_promises_told", "told"),
    **_KEYED,
)
"""What callers were told of their wait. `high_s` is empty where no end was told."""

callbacks = Table(
    "callbacks",
    metadata,
    _text("callback", key=True),
    *(_text(name) for name in ("call", "queue", "number", "source", "dnis", "name", "language")),
    _integer("priority"),
    *(_text(name) for name in ("needs", "preferred", "agents", "labels")),
    _real("entered"),
    _real("asked"),
    _text("state"),
    _integer("attempts"),
    _maybe_real("next_at"),
    _text("last_call"),
    _text("result"),
    _maybe_real("ended"),
    Index("callbacks_asked", "asked"),
    Index("callbacks_open", "ended", sqlite_where=text("ended IS NULL")),
    **_KEYED,
)
"""Who is called back, and what came of it."""

offers = Table(
    "offers",
    metadata,
    _text("offer", key=True),
    _text("call"),
    _text("queue"),
    _text("agent"),
    _real("offered"),
    _real("ended"),
    _text("result"),
    _integer("sip_status"),
    _real("rang_s"),
    _text("why"),
    Index("offers_call", "call"),
    Index("offers_offered", "offered"),
    **_KEYED,
)

segments = Table(
    "segments",
    metadata,
    _text("call", key=True),
    _real("began", key=True),
    _text("leg", key=True),
    _real("ended"),
    _text("party"),
    _text("agent"),
    _text("queue"),
    _real("talk_s"),
    _real("hold_s"),
    _text("ended_by"),
    _text("transferred_to"),
    **_KEYED,
)

attempts = Table(
    "attempts",
    metadata,
    _text("call", key=True),
    _real("began", key=True),
    _text("trunk", key=True),
    _text("number"),
    _text("source"),
    _real("ended"),
    _maybe_real("answered"),
    Column("sip_status", Integer, nullable=False),
    _text("cause"),
    _text("why"),
    Index("attempts_began", "began"),
    **_KEYED,
)

supervisions = Table(
    "supervisions",
    metadata,
    _text("supervision", key=True),
    Column("stay", Integer, primary_key=True, nullable=False),
    _text("supervisor"),
    _text("supervisor_agent"),
    _text("agent"),
    _text("call"),
    _text("modes"),
    _real("began"),
    _maybe_real("ended"),
    _text("why"),
    Index("supervisions_began", "began"),
    Index("supervisions_call", "call"),
    **_KEYED,
)
"""Who has listened to whom. What a crash cut off is ended at the next start."""

audit = Table(
    "audit",
    metadata,
    _text("audit", key=True),
    _text("node"),
    _real("at"),
    *(_text(name) for name in ("actor", "role", "surface", "origin")),
    *(_text(name) for name in ("act", "target", "details", "result", "why")),
    Index("audit_at", "at"),
    **_KEYED,
)
"""Who has done or tried what. Triggers refuse to change or delete a row."""

agent_intervals = Table(
    "agent_intervals",
    metadata,
    _real("ended", key=True),
    _text("agent", key=True),
    _real("began", key=True),
    _text("state", key=True),
    _text("status"),
    _text("reason"),
    _maybe_text("queue"),
    _maybe_text("call"),
    **_KEYED,
)
"""In the order in which they end, and so in the order in which they are written and read. With the agent first, each of
them was a page more to write: a third of all that a call writes."""

recordings = Table(
    "recordings",
    metadata,
    _text("recording", key=True),
    _text("call"),
    _text("path"),
    _real("began"),
    _maybe_text("queue"),
    _maybe_text("agent"),
    _text("ani"),
    _text("dnis"),
    _text("box"),
    _text("encoding"),
    _integer("channels"),
    _maybe_real("seconds"),
    _integer("gaps"),
    _real("gap_s"),
    _text("state"),
    _text("problem"),
    _text("labels"),
    Column("bytes", Integer, nullable=True),
    _maybe_real("deleted_at"),
    Index("recordings_call", "call"),
    Index("recordings_began", "began"),
    Index("recordings_unfinished", "state", sqlite_where=text("state = 'recording'")),
    Index("recordings_box", "box", "began", sqlite_where=text("box != ''")),
    **_KEYED,
)

message_marks = Table("message_marks", metadata, _text("recording", key=True), _maybe_real("heard"), **_KEYED)
"""When a message in a box was heard; without a row, or without a time, it is new."""

mails = Table(
    "mails",
    metadata,
    _text("recording", key=True),
    *(_text(name) for name in ("box", "addresses", "state")),
    _integer("attempts"),
    _real("asked"),
    _maybe_real("next_at"),
    _maybe_real("ended"),
    _text("problem"),
    Index("mails_open", "ended", sqlite_where=text("ended IS NULL")),
    **_KEYED,
)
"""Messages that are or were to be sent by mail."""

survey_answers = Table(
    "survey_answers",
    metadata,
    _text("call", key=True),
    _real("began", key=True),
    _text("question", key=True),
    *(_text(name) for name in ("survey", "queue", "agent", "ani")),
    _maybe_integer("answer"),
    _text("recording"),
    Index("survey_answers_began", "began"),
    **_KEYED,
)
"""What callers answered after their agent had hung up."""

journal = Table(
    "journal",
    metadata,
    _text("call", key=True),
    _text("stage"),
    _text("arguments"),
    _real("entered"),
    **_KEYED,
)
"""The stage that each live call is in."""

snapshots = Table("snapshots", metadata, _text("call", key=True), _text("data"), **_KEYED)
"""Each live call with its dialogs as JSON, to go on with after a restart; no keys."""

farewells = Table("farewells", metadata, _text("farewell", key=True), _text("data"), **_KEYED)
"""What is to be said to peers that no live call knows of, as JSON like a snapshot; gone when it has been said."""

registrations = Table(
    "registrations",
    metadata,
    _text("endpoint", key=True),
    _text("contact", key=True),
    _text("call_id"),
    _integer("cseq"),
    _real("expires"),
    _text("path"),
    _text("source"),
    _text("user_agent"),
    _real("registered"),
    _text("instance"),
    **_KEYED,
)

agents = Table(
    "agents",
    metadata,
    _text("agent", key=True),
    _text("status"),
    _text("reason"),
    _text("endpoint"),
    _real("since"),
)

queue_log = Table(
    "queue_log",
    metadata,
    Column("id", Integer, primary_key=True),
    _real("time"),
    _text("callid"),
    _text("queuename"),
    _text("agent"),
    _text("event"),
    _text("data1"),
    _text("data2"),
    _text("data3"),
    _text("data4"),
    _text("data5"),
    Index("queue_log_time", "time"),
    Index("queue_log_callid", "callid"),
)

heartbeats = Table("heartbeats", metadata, _text("node", key=True), _real("wall"))
