"""Names of teams are unique in whatever case."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("CREATE UNIQUE INDEX team_by_name ON team (account_id, lower(name))")


def downgrade() -> None:
    op.execute("DROP INDEX team_by_name")
