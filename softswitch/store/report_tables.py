"""The tables of sums that reports keep: derived from the rows, never the truth.

Triggers (migration 0008) lower the mark of a source whenever one of its rows is written, changed or removed, whoever does
it: sums of buckets that end after the mark are not believed, and computed again by `store/deriving.py`.
"""

from typing import Any

from sqlalchemy import Column, Float, Integer, Table, Text

from softswitch.store.schema import metadata
from softswitch.store.sums import CALLER_SUMS, CallerFigures

_KEYED: Any = {"sqlite_with_rowid": False}
BUCKET_S = 900.0
"""All zones differ from UTC by a multiple of it, so that days, hours and halves of them are made of whole buckets."""


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True, nullable=False)


def _sum(name: str) -> Column[Any]:
    whole = isinstance(getattr(CallerFigures(), name), int)
    return Column(name, Integer if whole else Float, nullable=False)


report_callers = Table(
    "report_callers",
    metadata,
    Column("bucket", Float, primary_key=True, nullable=False),
    *(_key(name) for name in ("queue", "dnis", "skills")),
    *(_sum(name) for name in (*CALLER_SUMS, "longest_wait_s")),
    **_KEYED,
)

report_agents = Table(
    "report_agents",
    metadata,
    Column("bucket", Float, primary_key=True, nullable=False),
    *(_key(name) for name in ("agent", "what", "word")),
    *(Column(name, Integer, nullable=False) for name in ("n", "transfers")),
    *(Column(name, Float, nullable=False) for name in ("seconds", "hold_s", "wrapup_s")),
    **_KEYED,
)
"""`what` is `time` (word: the state), `pause` (the reason), `offer` (its result) or `talk` (the queue)."""

report_marks = Table(
    "report_marks",
    metadata,
    _key("source"),
    Column("settled", Float, nullable=False),
    Column("definition", Text, nullable=False),
    **_KEYED,
)
