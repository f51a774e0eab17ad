"""Watches of storages: which objects were seen, are under way, and are done."""

from alembic import op

from services.platform.migrations import statements

revision = "0005"
down_revision = "0004"

_SCHEMA = """
CREATE TABLE watch (
    storage text NOT NULL,
    name text NOT NULL,
    list_at timestamptz NOT NULL,
    listed_at timestamptz,
    error text,
    PRIMARY KEY (storage, name)
);

CREATE TABLE watched_object (
    storage text NOT NULL,
    watch text NOT NULL,
    etag text NOT NULL,
    path text NOT NULL,
    size_bytes bigint NOT NULL,
    state text NOT NULL,
    seen_at timestamptz NOT NULL,
    due_at timestamptz,
    ended_tasks integer DEFAULT 0 NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    task_id bigint,
    error text,
    PRIMARY KEY (storage, watch, etag),
    CONSTRAINT watched_object_state_known CHECK (state IN ('seen', 'due', 'running', 'done', 'failed'))
);

CREATE INDEX watched_object_due ON watched_object (storage, watch, state, due_at) WHERE due_at IS NOT NULL;
"""


def upgrade() -> None:
    for statement in statements(_SCHEMA):
        op.execute(statement)
