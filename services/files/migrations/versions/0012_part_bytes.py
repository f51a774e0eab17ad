"""How large the parts of an upload are, where that depends on the call that made it."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("ALTER TABLE file ADD COLUMN part_bytes bigint")


def downgrade() -> None:
    op.execute("ALTER TABLE file DROP COLUMN part_bytes")
