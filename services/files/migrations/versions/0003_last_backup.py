"""The newest backup is recorded."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        """CREATE TABLE last_backup (
    one boolean DEFAULT true CONSTRAINT last_backup_one CHECK (one) PRIMARY KEY,
    moment timestamptz NOT NULL
)"""
    )
