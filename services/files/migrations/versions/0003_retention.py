"""Missing objects, and file lifetimes per account."""

from alembic import op

revision = "0003"
down_revision = "0002"

_ACCOUNT_RETENTION = """
CREATE TABLE account_retention (
    account_id bigint PRIMARY KEY,
    temporary_life interval,
    output_life interval
)
"""


def upgrade() -> None:
    # The order in which storage lists its objects.
    op.execute('ALTER TABLE file ALTER COLUMN object_key TYPE text COLLATE "C"')
    op.execute("ALTER TABLE file ADD COLUMN missing_since timestamptz")
    op.execute(_ACCOUNT_RETENTION)


def downgrade() -> None:
    op.execute("DROP TABLE account_retention")
    op.execute("ALTER TABLE file DROP COLUMN missing_since")
    op.execute('ALTER TABLE file ALTER COLUMN object_key TYPE text COLLATE "default"')
