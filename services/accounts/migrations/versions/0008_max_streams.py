"""How many streams an account may have open."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("account", sa.Column("max_streams", sa.Integer))


def downgrade() -> None:
    op.drop_column("account", "max_streams")
