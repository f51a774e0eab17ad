"""Accounts and API keys."""

import sqlalchemy as sa
from alembic import op

from services.platform.migrations import CREATE_NEXT_ID, DROP_NEXT_ID

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(CREATE_NEXT_ID)
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger, server_default=sa.text("next_id()"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="account_pkey"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="account_name_length"),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.BigInteger, server_default=sa.text("next_id()"), nullable=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("prefix", sa.Text, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="api_key_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="api_key_account_id_fkey"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="api_key_name_length"),
        sa.CheckConstraint("octet_length(sha256) = 32", name="api_key_digest_length"),
    )
    op.create_index("api_key_by_digest", "api_key", ["sha256"], unique=True)
    op.create_index("api_key_of_account", "api_key", ["account_id", "id"])
    op.create_index("api_key_revoked", "api_key", ["revoked_at"], postgresql_where=sa.text("revoked_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_table("api_key")
    op.drop_table("account")
    op.execute(DROP_NEXT_ID)
