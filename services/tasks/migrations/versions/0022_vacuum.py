"""Tasks are vacuumed by how many have changed, however many there are.

A claim reads past what has left the head of its queue until a vacuum removes it: 100,000 such entries cost 1.2 ms a claim. By default a
table of ten million rows waits for two million of them. The indexes are cleaned each time, which a vacuum of few pages would leave out.
"""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE task SET (autovacuum_vacuum_scale_factor = 0.004, autovacuum_vacuum_threshold = 2000, vacuum_index_cleanup = on)"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE task RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, vacuum_index_cleanup)")
