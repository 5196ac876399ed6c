"""How much room a recording takes, and when it was deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("recordings", sa.Column("bytes", sa.Integer(), nullable=True))
    op.add_column("recordings", sa.Column("deleted_at", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("recordings", "deleted_at")
    op.drop_column("recordings", "bytes")
