"""Workers that join from other machines, and the tokens with which they do."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "worker",
        sa.Column("id", sa.BigInteger, server_default=sa.text("next_id()"), nullable=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("certificate", sa.Text, nullable=False),
        sa.Column("certificate_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("renewed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="worker_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="worker_account_id_fkey"),
    )
    op.create_index("worker_by_name", "worker", ["name"], unique=True, postgresql_where=sa.text("revoked_at IS NULL"))
    op.create_table(
        "worker_token",
        sa.Column("id", sa.BigInteger, server_default=sa.text("next_id()"), nullable=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_sha256", sa.LargeBinary),
        sa.Column("worker_id", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="worker_token_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="worker_token_account_id_fkey"),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name="worker_token_worker_id_fkey"),
        sa.CheckConstraint("octet_length(request_sha256) = 32", name="worker_token_digest_length"),
    )
    op.create_index("worker_token_expiring", "worker_token", ["expires_at"])


def downgrade() -> None:
    op.drop_table("worker_token")
    op.drop_table("worker")
