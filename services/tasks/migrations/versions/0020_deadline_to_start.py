"""Deadlines by which a task has to begin."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("task", sa.Column("deadline_to_start", sa.Boolean))


def downgrade() -> None:
    op.drop_column("task", "deadline_to_start")
