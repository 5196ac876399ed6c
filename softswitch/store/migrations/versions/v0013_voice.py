"""Mails about messages in boxes, and what callers answered in surveys."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "mails",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("recording", "box", "addresses", "state")),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Float(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=True),
        sa.Column("ended", sa.Float(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("recording"),
        sqlite_with_rowid=False,
    )
    op.create_index("mails_open", "mails", ["ended"], sqlite_where=sa.text("ended IS NULL"))
    op.create_table(
        "survey_answers",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("began", sa.Float(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("question", "survey", "queue", "agent")),
        sa.Column("ani", sa.Text(), nullable=False),
        sa.Column("answer", sa.Integer(), nullable=True),
        sa.Column("recording", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", "began", "question"),
        sqlite_with_rowid=False,
    )
    op.create_index("survey_answers_began", "survey_answers", ["began"])


def downgrade() -> None:
    op.drop_table("survey_answers")
    op.drop_table("mails")
