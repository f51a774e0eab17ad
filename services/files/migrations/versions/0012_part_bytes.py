"""The part size of an upload, where it depends on the call that created it."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("ALTER TABLE file ADD COLUMN part_bytes bigint")


def downgrade() -> None:
    op.execute("ALTER TABLE file DROP COLUMN part_bytes")
