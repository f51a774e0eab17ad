"""Uploads that were sent together, under the names that their sender knows."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE bundle (
            id bigint PRIMARY KEY DEFAULT next_id(),
            account_id bigint NOT NULL,
            file_ids bigint[] NOT NULL,
            names text[] NOT NULL,
            expires_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX bundle_expiring ON bundle (expires_at)")


def downgrade() -> None:
    op.execute("DROP TABLE bundle")
