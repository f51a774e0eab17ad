"""Files that people keep, in versions."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("ALTER TABLE file ADD COLUMN in_library boolean NOT NULL DEFAULT false")
    op.execute("CREATE INDEX file_in_library ON file (id) WHERE in_library AND state <> 'deleting'")
    op.execute(
        """
        CREATE TABLE library_file (
            number bigint PRIMARY KEY DEFAULT next_id(),
            id uuid NOT NULL UNIQUE,
            account_id bigint NOT NULL,
            owner_id text NOT NULL,
            chain_id uuid NOT NULL,
            chain_owner_id text NOT NULL,
            parent_id uuid,
            version integer NOT NULL CONSTRAINT library_file_version CHECK (version >= 1),
            tools text[] NOT NULL,
            name text NOT NULL CONSTRAINT library_file_name_length CHECK (char_length(name) BETWEEN 1 AND 300),
            file_id bigint NOT NULL UNIQUE REFERENCES file (id) ON DELETE CASCADE,
            thumbnail_id bigint UNIQUE REFERENCES file (id) ON DELETE SET NULL,
            created_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX library_file_of_chain ON library_file (chain_id, number)")
    op.execute("CREATE INDEX library_file_of_owner ON library_file (account_id, owner_id, number)")


def downgrade() -> None:
    op.execute("DROP TABLE library_file")
    op.execute("DROP INDEX file_in_library")
    op.execute("ALTER TABLE file DROP COLUMN in_library")
