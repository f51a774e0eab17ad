"""What has changed in an account since a moment is found without looking at all its tasks."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_index("task_account_changed", "task", ["account_id", "update_time"])


def downgrade() -> None:
    op.drop_index("task_account_changed", "task")
