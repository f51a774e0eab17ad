"""Rename the JSON API's methods to `darkroom.rest.v1`, so that the idempotency keys of earlier calls are still known."""

from alembic import op

revision = "0004"
down_revision = "0003"

_RENAME = "UPDATE idempotency SET method = replace(method, '{old}', '{new}') WHERE method LIKE '/{old}.%'"


def upgrade() -> None:
    op.execute(_RENAME.format(old="compat.pilio.v1", new="darkroom.rest.v1"))


def downgrade() -> None:
    op.execute(_RENAME.format(old="darkroom.rest.v1", new="compat.pilio.v1"))
