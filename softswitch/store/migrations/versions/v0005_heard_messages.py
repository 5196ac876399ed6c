"""Which messages in boxes have been listened to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "message_marks",
        sa.Column("recording", sa.Text(), nullable=False),
        sa.Column("heard", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("recording"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "recordings_box", "recordings", ["box", "began"], unique=False, sqlite_where=sa.text("box != ''")
    )


def downgrade() -> None:
    op.drop_index("recordings_box", "recordings")
    op.drop_table("message_marks")
