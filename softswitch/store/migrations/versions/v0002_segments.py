"""Who a call talked to, one after another; and who has listened to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "segments",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("began", sa.Float(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("talk_s", sa.Float(), nullable=False),
        sa.Column("hold_s", sa.Float(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("transferred_to", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", "began", "leg"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "supervisions",
        sa.Column("supervision", sa.Text(), nullable=False),
        sa.Column("stay", sa.Integer(), nullable=False),
        sa.Column("supervisor", sa.Text(), nullable=False),
        sa.Column("supervisor_agent", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("modes", sa.Text(), nullable=False),
        sa.Column("began", sa.Float(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("supervision", "stay"),
        sqlite_with_rowid=False,
    )
    op.create_index("supervisions_began", "supervisions", ["began"], unique=False)
    op.create_index("supervisions_call", "supervisions", ["call"], unique=False)


def downgrade() -> None:
    op.drop_table("supervisions")
    op.drop_table("segments")
