"""Which API created a task and what it keeps of the request, inputs that are fetched later, and the format of a webhook."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("task", sa.Column("surface", sa.Text))
    op.add_column("task", sa.Column("client_request", sa.LargeBinary))
    op.add_column("task", sa.Column("later_inputs", sa.ARRAY(sa.LargeBinary)))
    op.add_column("webhook", sa.Column("format", sa.Text))


def downgrade() -> None:
    op.drop_column("webhook", "format")
    for column in ("later_inputs", "client_request", "surface"):
        op.drop_column("task", column)
