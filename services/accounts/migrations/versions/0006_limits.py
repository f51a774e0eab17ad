"""Token buckets that the replicas share, and an account's own limits."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Unlogged: after a crash of PostgreSQL every bucket is full, and none of the many updates costs a write to the log.
    op.create_table(
        "rate_bucket",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("tokens", sa.Double, nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rate", sa.Double, nullable=False),
        sa.Column("burst", sa.Double, nullable=False),
        sa.Column("granted", sa.Integer, nullable=False),
        prefixes=["UNLOGGED"],
        # Room for updates that stay in their page.
        postgresql_with={"fillfactor": 50},
    )
    op.add_column("account", sa.Column("request_rate", sa.Double))
    op.add_column("account", sa.Column("key_request_rate", sa.Double))
    op.add_column("account", sa.Column("max_keys", sa.Integer))


def downgrade() -> None:
    for column in ("request_rate", "key_request_rate", "max_keys"):
        op.drop_column("account", column)
    op.drop_table("rate_bucket")
