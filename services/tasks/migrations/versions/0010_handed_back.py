"""Attempts that a worker handed back because it was stopped: they count towards no limit."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("task", sa.Column("handed_back", sa.Integer, nullable=False, server_default="0"))
