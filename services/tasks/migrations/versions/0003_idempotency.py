"""Idempotency keys of creating calls; deadlines of tasks."""

import sqlalchemy as sa
from alembic import op

from services.platform.idempotency import CREATE_INDEX, CREATE_TABLE, DROP_TABLE

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(CREATE_TABLE)
    op.execute(CREATE_INDEX)
    op.add_column("task", sa.Column("deadline", sa.DateTime(timezone=True)))
    op.create_index("task_deadlines", "task", ["deadline"], postgresql_where=sa.text("deadline IS NOT NULL AND end_time IS NULL"))


def downgrade() -> None:
    op.drop_column("task", "deadline")
    op.execute(DROP_TABLE)
