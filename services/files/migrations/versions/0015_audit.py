"""The audit log."""

from alembic import op

from services.platform.audit.log import CREATE_INDEXES, CREATE_TABLE, DROP_TABLE

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    for statement in (CREATE_TABLE, *CREATE_INDEXES):
        op.execute(statement)


def downgrade() -> None:
    op.execute(DROP_TABLE)
