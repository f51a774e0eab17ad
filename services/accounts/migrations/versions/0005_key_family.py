"""Which key created a key, and which one it replaces."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for column in ("creator_id", "replaces_id"):
        op.add_column("api_key", sa.Column(column, sa.BigInteger))
        op.create_foreign_key(f"api_key_{column}_fkey", "api_key", "api_key", [column], ["id"])
    op.create_index("api_key_replaced_once", "api_key", ["replaces_id"], unique=True, postgresql_where=sa.text("replaces_id IS NOT NULL"))


def downgrade() -> None:
    for column in ("creator_id", "replaces_id"):
        op.drop_column("api_key", column)
