"""The queue_log as the ten columns of Asterisk's table, for reporting tools that read SQL."""

from alembic import op

revision = "0010"
down_revision = "0009"

# `time` is text in the machine's zone with microseconds, as Asterisk's own drivers write it.
_VIEW = """
CREATE VIEW queue_log_asterisk AS
SELECT
    strftime('%Y-%m-%d %H:%M:%S', time, 'unixepoch', 'localtime')
        || printf('.%06d', CAST((time - CAST(time AS INTEGER)) * 1000000 AS INTEGER)) AS time,
    callid, queuename, agent, event, data1, data2, data3, data4, data5
FROM queue_log
"""


def upgrade() -> None:
    op.execute(_VIEW)


def downgrade() -> None:
    op.execute("DROP VIEW queue_log_asterisk")
