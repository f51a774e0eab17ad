"""Pictures by URL: the keys that sign the URLs, and the results that are kept for the next caller."""

from alembic import op

from services.platform.migrations import statements

revision = "0004"
down_revision = "0003"

_SCHEMA = """
CREATE TABLE picture_key (
    id bigint DEFAULT next_id() PRIMARY KEY,
    account_id bigint NOT NULL,
    name text NOT NULL,
    origins text[] NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE INDEX picture_key_of_account ON picture_key (account_id, id);

CREATE TABLE linked_picture (
    account_id bigint NOT NULL,
    digest bytea NOT NULL,
    file_id bigint NOT NULL UNIQUE REFERENCES file ON DELETE CASCADE,
    source_file_id bigint,
    made_at timestamptz NOT NULL,
    used_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, digest)
);

CREATE INDEX linked_picture_by_use ON linked_picture (account_id, used_at);
"""


def upgrade() -> None:
    for statement in statements(_SCHEMA):
        op.execute(statement)
