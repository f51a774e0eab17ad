"""Webhooks that are sent only some events."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("webhook", sa.Column("event_types", sa.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")))


def downgrade() -> None:
    op.drop_column("webhook", "event_types")
