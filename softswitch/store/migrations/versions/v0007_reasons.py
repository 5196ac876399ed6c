"""Why a call went where it went, and what its caller needed of an agent."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("calls", sa.Column("trail", sa.Text(), nullable=True))
    op.add_column("queue_visits", sa.Column("skills", sa.Text(), nullable=True))
    op.add_column("queue_visits", sa.Column("needs", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("queue_visits", "needs")
    op.drop_column("queue_visits", "skills")
    op.drop_column("calls", "trail")
