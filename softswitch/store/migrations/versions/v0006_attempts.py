"""At which trunks a call was tried, and what each answered."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("began", sa.Float(), nullable=False),
        sa.Column("trunk", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ended", sa.Float(), nullable=False),
        sa.Column("answered", sa.Float(), nullable=True),
        sa.Column("sip_status", sa.Integer(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call", "began", "trunk"),
        sqlite_with_rowid=False,
    )
    op.create_index("attempts_began", "attempts", ["began"], unique=False)


def downgrade() -> None:
    op.drop_index("attempts_began", "attempts")
    op.drop_table("attempts")
