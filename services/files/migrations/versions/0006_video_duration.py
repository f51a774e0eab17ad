"""How long videos take."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE file ADD COLUMN duration_milliseconds integer")
