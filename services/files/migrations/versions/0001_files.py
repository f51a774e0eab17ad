"""Files and pins."""

from alembic import op

from services.platform.migrations import CREATE_NEXT_ID, DROP_NEXT_ID

revision = "0001"
down_revision = None

_FILE = """
CREATE TABLE file (
    id bigint PRIMARY KEY DEFAULT next_id(),
    account_id bigint NOT NULL,
    origin text NOT NULL CONSTRAINT file_origin_known CHECK (origin IN ('upload', 'task')),
    state text NOT NULL CONSTRAINT file_state_known CHECK (state IN ('pending', 'clearing', 'ready', 'deleting')),
    visible boolean NOT NULL,
    object_key text NOT NULL UNIQUE,
    name text NOT NULL CONSTRAINT file_name_length CHECK (char_length(name) BETWEEN 1 AND 300),
    media_type text NOT NULL,
    size_bytes bigint NOT NULL,
    etag text,
    width integer,
    height integer,
    frames integer,
    pages integer,
    upload_id text,
    permanent boolean NOT NULL,
    task_id bigint,
    attempt integer,
    pins integer NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    sweep_at timestamptz,
    CONSTRAINT file_counts CHECK (size_bytes >= 0 AND pins >= 0),
    CONSTRAINT file_ready_has_etag CHECK (state <> 'ready' OR etag IS NOT NULL),
    CONSTRAINT file_task_outputs CHECK ((origin = 'task') = (task_id IS NOT NULL AND attempt IS NOT NULL)),
    CONSTRAINT file_uploads_visible CHECK (visible OR origin = 'task')
)
"""
_PIN = """
CREATE TABLE pin (
    task_id bigint,
    file_id bigint REFERENCES file (id),
    sweep_at timestamptz NOT NULL,
    PRIMARY KEY (task_id, file_id)
)
"""
_INDEXES = (
    "CREATE INDEX file_of_account ON file (account_id, id) WHERE visible AND state <> 'deleting'",
    "CREATE INDEX file_of_task ON file (task_id) WHERE NOT visible",
    "CREATE INDEX file_to_sweep ON file (sweep_at) WHERE sweep_at IS NOT NULL",
    "CREATE INDEX pin_of_file ON pin (file_id)",
    "CREATE INDEX pin_to_sweep ON pin (sweep_at)",
)


def upgrade() -> None:
    for statement in (CREATE_NEXT_ID, _FILE, _PIN, *_INDEXES):
        op.execute(statement)


def downgrade() -> None:
    for statement in ("DROP TABLE pin", "DROP TABLE file", DROP_NEXT_ID):
        op.execute(statement)
