"""Idempotency keys of creating calls."""

from alembic import op

from services.platform.idempotency import CREATE_INDEX, CREATE_TABLE, DROP_TABLE

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(CREATE_TABLE)
    op.execute(CREATE_INDEX)


def downgrade() -> None:
    op.execute(DROP_TABLE)
