"""How good each leg's audio was."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_INTEGERS = ("late", "duplicates", "out_of_order", "peer_lost", "interruptions")
_REALS = (
    "mos",
    "rtt_ms",
    "peer_jitter_ms",
    "level_db",
    "clipped_share",
    "silence_share",
    "talk_share",
    "overlap_s",
)


def upgrade() -> None:
    for name in _INTEGERS:
        op.add_column("legs", sa.Column(name, sa.Integer(), nullable=True))
    for name in _REALS:
        op.add_column("legs", sa.Column(name, sa.Float(), nullable=True))
    op.add_column("legs", sa.Column("impairments", sa.Text(), nullable=True))


def downgrade() -> None:
    for name in ("impairments", *_REALS, *_INTEGERS):
        op.drop_column("legs", name)
