"""What keys may do, when they expire, and when they were last used."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("api_key", sa.Column("scopes", ARRAY(sa.Text)))
    op.add_column("api_key", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.add_column("api_key", sa.Column("last_used_at", sa.DateTime(timezone=True)))
    op.create_check_constraint("api_key_scopes_some", "api_key", "cardinality(scopes) > 0")
    op.create_index("api_key_expiring", "api_key", ["expires_at"], postgresql_where=sa.text("expires_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("api_key_expiring", "api_key")
    for column in ("scopes", "expires_at", "last_used_at"):
        op.drop_column("api_key", column)
