"""Open tasks that share a pool are counted by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("task", sa.Column("pooled", sa.Boolean, nullable=False, server_default=sa.text("false")))
    op.add_column("account_policy", sa.Column("pooled", sa.Integer, nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    op.drop_column("account_policy", "pooled")
    op.drop_column("task", "pooled")
