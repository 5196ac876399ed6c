"""What waiting callers were told of their wait, and those who are called back."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "wait_promises",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("told", sa.Float(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("waited_s", sa.Float(), nullable=False),
        sa.Column("low_s", sa.Float(), nullable=False),
        sa.Column("high_s", sa.Float(), nullable=True),
        sa.Column("expected_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("call", "told"),
        sqlite_with_rowid=False,
    )
    op.create_index("wait_promises_told", "wait_promises", ["told"])
    op.create_table(
        "callbacks",
        sa.Column("callback", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("call", "queue", "number", "source")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("dnis", "name", "language")),
        sa.Column("priority", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("needs", "preferred", "agents", "labels")),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("entered", "asked")),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("last_call", "result")),
        sa.Column("ended", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("callback"),
        sqlite_with_rowid=False,
    )
    op.create_index("callbacks_asked", "callbacks", ["asked"])
    op.create_index("callbacks_open", "callbacks", ["ended"], sqlite_where=sa.text("ended IS NULL"))


def downgrade() -> None:
    op.drop_table("callbacks")
    op.drop_table("wait_promises")
