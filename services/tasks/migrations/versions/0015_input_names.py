"""The names of a task's input files, so that lists of tasks say what each worked on."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("task", sa.Column("input_names", sa.ARRAY(sa.Text), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("task", "input_names")
