"""What peers are still to be told after a crash, and an end for supervisors' stays that earlier crashes left open."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "farewells",
        sa.Column("farewell", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("farewell"),
        sqlite_with_rowid=False,
    )
    # One that heard a call that is over ended with it at the latest; when the others ended nobody knows any more.
    op.execute(
        "UPDATE supervisions SET why = 'crash', ended = max(began, coalesce("
        "(SELECT calls.ended FROM calls WHERE calls.call = supervisions.call), began)) "
        "WHERE ended IS NULL AND NOT EXISTS "
        "(SELECT 1 FROM calls WHERE calls.call = supervisions.call AND calls.ended IS NULL)"
    )


def downgrade() -> None:
    op.drop_table("farewells")
