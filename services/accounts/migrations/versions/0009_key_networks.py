"""The networks from which a key may be used."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("api_key", sa.Column("allowed_networks", ARRAY(sa.Text)))
    op.create_check_constraint("api_key_networks_some", "api_key", "cardinality(allowed_networks) > 0")


def downgrade() -> None:
    op.drop_column("api_key", "allowed_networks")
