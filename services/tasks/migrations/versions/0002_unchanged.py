"""Whether a task gave its inputs back as they were, and was not charged for."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Tasks and events from before are taken for changed ones: those were charged for."""
    op.execute("ALTER TABLE task ADD COLUMN unchanged boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE task_event ADD COLUMN unchanged boolean NOT NULL DEFAULT false")
