"""Machines whose workers are expected to come back."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "away_worker",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("lanes", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("operations", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("gpu", sa.Boolean, nullable=False),
        sa.Column("seen_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("away_worker")
