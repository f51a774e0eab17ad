"""Where the results of a task are copied to, and where they are once they have arrived."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Tasks from before have no destination."""
    op.execute("ALTER TABLE task ADD COLUMN destination text, ADD COLUMN deliveries bytea[]")
