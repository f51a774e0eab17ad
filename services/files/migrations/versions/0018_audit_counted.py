"""The audit log is counted in an index."""

from alembic import op

from services.platform.audit.log import CREATE_COUNTING_INDEX, DROP_COUNTING_INDEX

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute(CREATE_COUNTING_INDEX)


def downgrade() -> None:
    op.execute(DROP_COUNTING_INDEX)
