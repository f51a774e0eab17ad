"""How many webhooks an account may have."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("account_policy", sa.Column("max_webhooks", sa.Integer))


def downgrade() -> None:
    op.drop_column("account_policy", "max_webhooks")
