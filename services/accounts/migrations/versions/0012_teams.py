"""Names of teams are unique in whatever case, and the audit log is counted in an index."""

from alembic import op

from services.platform.audit.log import CREATE_COUNTING_INDEX, DROP_COUNTING_INDEX

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("CREATE UNIQUE INDEX team_by_name ON team (account_id, lower(name))")
    op.execute(CREATE_COUNTING_INDEX)


def downgrade() -> None:
    op.execute(DROP_COUNTING_INDEX)
    op.execute("DROP INDEX team_by_name")
