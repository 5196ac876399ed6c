"""Intervals of agents in the order in which they end, as every report reads them and as they are written: with the agent
first, each of them went to a page of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
_COLUMNS = "ended, agent, began, state, status, reason, queue, call"


def upgrade() -> None:
    _made_anew("ended", "agent", "began", "state")


def downgrade() -> None:
    _made_anew("agent", "began", "ended", "state")
    op.create_index("agent_intervals_ended", "agent_intervals", ["ended"])


def _made_anew(*key: str) -> None:
    """With its triggers, by which sums of reports know what has changed."""
    of_table = (
        "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'agent_intervals' ORDER BY rowid"
    )
    triggers = [sql for (sql,) in op.get_bind().execute(sa.text(of_table))]
    op.execute("DROP TABLE IF EXISTS agent_intervals_made")  # of a start that was cut off
    op.create_table(
        "agent_intervals_made",
        sa.Column("ended", sa.Float(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("began", sa.Float(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("state", "status", "reason")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("queue", "call")),
        sa.PrimaryKeyConstraint(*key),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO agent_intervals_made ({_COLUMNS}) SELECT {_COLUMNS} FROM agent_intervals "
        f"ORDER BY {', '.join(key)}"
    )
    op.drop_table("agent_intervals")
    op.rename_table("agent_intervals_made", "agent_intervals")
    for trigger in triggers:
        op.execute(trigger)
