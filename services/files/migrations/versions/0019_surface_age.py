"""Which API a file was made through, and how old such files may get."""

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute("ALTER TABLE file ADD COLUMN surface text")
    op.execute(
        """
        CREATE TABLE surface_age (
            account_id bigint,
            surface text,
            max_age interval,
            redated_to bigint,
            PRIMARY KEY (account_id, surface)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE surface_age")
    op.execute("ALTER TABLE file DROP COLUMN surface")
