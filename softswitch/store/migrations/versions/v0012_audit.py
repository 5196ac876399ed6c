"""The audit trail, which takes new rows and nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the audit trail takes new rows only'); END"
_COLUMNS = ("node", "at", "actor", "role", "surface", "origin", "act", "target", "details", "result", "why")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("audit", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("actor", "role", "surface", "origin")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("act", "target", "details")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("result", "why")),
        sa.PrimaryKeyConstraint("audit"),
        sqlite_with_rowid=False,
    )
    op.create_index("audit_at", "audit", ["at"])
    for event in ("UPDATE", "DELETE"):
        op.execute(f"CREATE TRIGGER audit_no_{event.lower()} BEFORE {event} ON audit {_REFUSE}")
    # REPLACE deletes without a trigger's knowing; the same row once more is harmless.
    old, new = (", ".join(f"{table}.{name}" for name in _COLUMNS) for table in ("old_row", "NEW"))
    op.execute(
        "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS "
        f"(SELECT 1 FROM audit AS old_row WHERE old_row.audit = NEW.audit AND ({old}) IS NOT ({new})) {_REFUSE}"
    )


def downgrade() -> None:
    op.drop_table("audit")
