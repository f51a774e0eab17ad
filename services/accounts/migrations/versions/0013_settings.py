"""What people have set, and their logo."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def _updated_at() -> sa.Column[Any]:
    return sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "setting",
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        _updated_at(),
        sa.PrimaryKeyConstraint("account_id", "sha256", name="setting_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="setting_account_id_fkey"),
        sa.CheckConstraint("octet_length(sha256) = 32", name="setting_digest_length"),
    )
    op.create_table(
        "logo",
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("png", sa.LargeBinary, nullable=False),
        _updated_at(),
        sa.PrimaryKeyConstraint("account_id", name="logo_pkey"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="logo_account_id_fkey"),
    )


def downgrade() -> None:
    op.drop_table("logo")
    op.drop_table("setting")
