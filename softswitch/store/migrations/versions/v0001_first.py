"""The first schema: calls and their detail, queues, agents, recordings, registrations, journal.

Longer than a file should be: it is one table after the other, and a migration is never split or changed once released.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "agent_intervals",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("began", sa.Float(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("call", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("agent", "began", "ended", "state"),
        sqlite_with_rowid=False,
    )
    op.create_index("agent_intervals_ended", "agent_intervals", ["ended"], unique=False)
    op.create_table(
        "agents",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("agent"),
    )
    op.create_table(
        "calls",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("started", sa.Float(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ani", sa.Text(), nullable=False),
        sa.Column("ani_name", sa.Text(), nullable=False),
        sa.Column("dnis", sa.Text(), nullable=False),
        sa.Column("sip_call_id", sa.Text(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=True),
        sa.Column("answered", sa.Float(), nullable=True),
        sa.Column("bridged", sa.Float(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("sip_status", sa.Integer(), nullable=True),
        sa.Column("last_stage", sa.Text(), nullable=True),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("wait_s", sa.Float(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("destination", sa.Text(), nullable=True),
        sa.Column("talk_s", sa.Float(), nullable=True),
        sa.Column("hold_s", sa.Float(), nullable=True),
        sa.Column("recording", sa.Text(), nullable=True),
        sa.Column("packets_in", sa.Integer(), nullable=True),
        sa.Column("packets_lost", sa.Integer(), nullable=True),
        sa.Column("jitter_ms", sa.Float(), nullable=True),
        sa.Column("labels", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("call"),
        sqlite_with_rowid=False,
    )
    op.create_index("calls_started", "calls", ["started"], unique=False)
    op.create_index(
        "calls_unfinished", "calls", ["node"], unique=False, sqlite_where=sa.text("ended IS NULL")
    )
    op.create_table(
        "heartbeats",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("wall", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("node"),
    )
    op.create_table(
        "journal",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("entered", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("call"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "legs",
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("began", sa.Float(), nullable=False),
        sa.Column("answered", sa.Float(), nullable=True),
        sa.Column("ended", sa.Float(), nullable=False),
        sa.Column("sip_status", sa.Integer(), nullable=False),
        sa.Column("sip_call_id", sa.Text(), nullable=False),
        sa.Column("codec", sa.Text(), nullable=False),
        sa.Column("packets_in", sa.Integer(), nullable=False),
        sa.Column("packets_out", sa.Integer(), nullable=False),
        sa.Column("packets_lost", sa.Integer(), nullable=False),
        sa.Column("jitter_ms", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("leg"),
        sqlite_with_rowid=False,
    )
    op.create_index("legs_call", "legs", ["call"], unique=False)
    op.create_table(
        "offers",
        sa.Column("offer", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("offered", sa.Float(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("sip_status", sa.Integer(), nullable=False),
        sa.Column("rang_s", sa.Float(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("offer"),
        sqlite_with_rowid=False,
    )
    op.create_index("offers_call", "offers", ["call"], unique=False)
    op.create_index("offers_offered", "offers", ["offered"], unique=False)
    op.create_table(
        "queue_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("callid", sa.Text(), nullable=False),
        sa.Column("queuename", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("data1", sa.Text(), nullable=False),
        sa.Column("data2", sa.Text(), nullable=False),
        sa.Column("data3", sa.Text(), nullable=False),
        sa.Column("data4", sa.Text(), nullable=False),
        sa.Column("data5", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("queue_log_callid", "queue_log", ["callid"], unique=False)
    op.create_index("queue_log_time", "queue_log", ["time"], unique=False)
    op.create_table(
        "queue_visits",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("entered", sa.Float(), nullable=False),
        sa.Column("left", sa.Float(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("wait_s", sa.Float(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("original_position", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("talk_s", sa.Float(), nullable=False),
        sa.Column("hold_s", sa.Float(), nullable=False),
        sa.Column("wrapup_s", sa.Float(), nullable=False),
        sa.Column("completed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", "queue", "entered"),
        sqlite_with_rowid=False,
    )
    op.create_index("queue_visits_entered", "queue_visits", ["entered"], unique=False)
    op.create_table(
        "recordings",
        sa.Column("recording", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("began", sa.Float(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("ani", sa.Text(), nullable=False),
        sa.Column("dnis", sa.Text(), nullable=False),
        sa.Column("box", sa.Text(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("gaps", sa.Integer(), nullable=False),
        sa.Column("gap_s", sa.Float(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("recording"),
        sqlite_with_rowid=False,
    )
    op.create_index("recordings_began", "recordings", ["began"], unique=False)
    op.create_index("recordings_call", "recordings", ["call"], unique=False)
    op.create_index(
        "recordings_unfinished",
        "recordings",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state = 'recording'"),
    )
    op.create_table(
        "registrations",
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("cseq", sa.Integer(), nullable=False),
        sa.Column("expires", sa.Float(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("registered", sa.Float(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", "contact"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("registrations")
    op.drop_table("recordings")
    op.drop_table("queue_visits")
    op.drop_table("queue_log")
    op.drop_table("offers")
    op.drop_table("legs")
    op.drop_table("journal")
    op.drop_table("heartbeats")
    op.drop_table("calls")
    op.drop_table("agents")
    op.drop_table("agent_intervals")
