"""Idempotency keys of the calls that create API keys."""

import sqlalchemy as sa
from alembic import op

from services.platform.idempotency import CREATE_INDEX, CREATE_TABLE, DROP_TABLE

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(CREATE_TABLE)
    op.execute(CREATE_INDEX)
    op.add_column("idempotency", sa.Column("nonce", sa.LargeBinary, nullable=False))


def downgrade() -> None:
    op.execute(DROP_TABLE)
