"""Sums of reports by quarter of an hour, and from which moment on they have to be computed again."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_COUNTS = (
    *("offered", "answered", "abandoned", "short_abandoned", "abandoned_ringing", "overflowed", "refused"),
    *("left_by_key", "withdrawn", "callbacks", "crashed", "other", "transfers", "answered_in_sl"),
    *("abandoned_in_sl", "callbacks_in_sl", "lost_in_sl"),
)
_SECONDS = ("wait_s", "answered_wait_s", "longest_wait_s", "talk_s", "hold_s", "wrapup_s")
_LOWER = "UPDATE report_marks SET settled = {moment} WHERE source = '{source}' AND settled > {moment};"
_ENTERED = "(SELECT min(entered) FROM queue_visits WHERE call = {row}.call)"


def upgrade() -> None:
    op.create_table(
        "report_callers",
        sa.Column("bucket", sa.Float(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("queue", "dnis", "skills")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        *(sa.Column(name, sa.Float(), nullable=False) for name in _SECONDS),
        sa.PrimaryKeyConstraint("bucket", "queue", "dnis", "skills"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "report_agents",
        sa.Column("bucket", sa.Float(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("agent", "what", "word")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("n", "transfers")),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("seconds", "hold_s", "wrapup_s")),
        sa.PrimaryKeyConstraint("bucket", "agent", "what", "word"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "report_marks",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("settled", sa.Float(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
        sqlite_with_rowid=False,
    )
    for source in ("visits", "offers", "times"):
        op.execute(f"INSERT INTO report_marks VALUES ('{source}', 0, '')")
    _watch("queue_visits", "visits", "{row}.entered")
    _watch("offers", "offers", "{row}.offered")
    _watch("agent_intervals", "times", "{row}.began")
    _watch("offers", "visits", _ENTERED, when="{row}.result IN ('cancelled', 'answered')", name="ringing")


def _watch(table: str, source: str, moment: str, when: str = "", name: str = "") -> None:
    """Whatever is written, changed or removed: sums from that moment on are not believed any more."""
    for act, rows in (("insert", ["new"]), ("update", ["old", "new"]), ("delete", ["old"])):
        body = " ".join(_LOWER.format(source=source, moment=moment.format(row=row)) for row in rows)
        condition = f"WHEN {when.format(row=rows[-1])}" if when else ""
        op.execute(
            f"CREATE TRIGGER report_{name or source}_{act} AFTER {act} ON {table} {condition} BEGIN {body} END"
        )


def downgrade() -> None:
    for name in ("visits", "offers", "times", "ringing"):
        for act in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER report_{name}_{act}")
    for table in ("report_marks", "report_agents", "report_callers"):
        op.drop_table(table)
