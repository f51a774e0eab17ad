"""What an attempt keeps for later attempts of its task."""

from alembic import op

revision = "0011"
down_revision = "0003"


def upgrade() -> None:
    op.execute("ALTER TABLE file ADD COLUMN kept_as text")
    op.execute("ALTER TABLE file ADD CONSTRAINT file_kept_hidden CHECK (kept_as IS NULL OR (origin = 'task' AND NOT visible))")


def downgrade() -> None:
    op.execute("ALTER TABLE file DROP COLUMN kept_as")
