"""Links with which people sign in once, and which sessions came by one."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "sign_in_link",
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="sign_in_link_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="sign_in_link_account_id_fkey"),
        sa.CheckConstraint("octet_length(sha256) = 32", name="sign_in_link_digest_length"),
    )
    op.create_index("sign_in_link_expiring", "sign_in_link", ["expires_at"])
    op.add_column("session", sa.Column("by_link", sa.Boolean, server_default=sa.text("false"), nullable=False))


def downgrade() -> None:
    op.drop_column("session", "by_link")
    op.drop_table("sign_in_link")
