"""The tables of files: files and pins, storage counted by triggers, the library."""

from alembic import op

from services.platform import idempotency
from services.platform.audit import log as audit
from services.platform.migrations import CREATE_NEXT_ID, statements

revision = "0001"
down_revision = None

_SCHEMA = """
CREATE TABLE account_retention (
    account_id bigint PRIMARY KEY,
    temporary_life interval,
    output_life interval
);

CREATE TABLE account_storage (
    account_id bigint PRIMARY KEY,
    size_bytes bigint NOT NULL DEFAULT 0,
    files bigint NOT NULL DEFAULT 0,
    uploads bigint NOT NULL DEFAULT 0,
    parted_uploads bigint NOT NULL DEFAULT 0,
    max_size_bytes bigint,
    max_files bigint,
    max_uploads bigint,
    max_parted_uploads bigint
) WITH (fillfactor = 50);

CREATE TABLE bundle (
    id bigint DEFAULT next_id() PRIMARY KEY,
    account_id bigint NOT NULL,
    file_ids bigint[] NOT NULL,
    names text[] NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX bundle_expiring ON bundle (expires_at);

CREATE TABLE file (
    id bigint DEFAULT next_id() PRIMARY KEY,
    account_id bigint NOT NULL,
    origin text NOT NULL,
    state text NOT NULL,
    visible boolean NOT NULL,
    object_key text NOT NULL COLLATE "C" UNIQUE,
    name text NOT NULL,
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
    missing_since timestamptz,
    kept_as text,
    part_bytes bigint,
    in_library boolean NOT NULL DEFAULT false,
    surface text,
    CONSTRAINT file_counts CHECK (size_bytes >= 0 AND pins >= 0),
    CONSTRAINT file_kept_hidden CHECK (kept_as IS NULL OR (origin = 'task' AND NOT visible)),
    CONSTRAINT file_name_length CHECK (char_length(name) BETWEEN 1 AND 300),
    CONSTRAINT file_origin_known CHECK (origin IN ('upload', 'task')),
    CONSTRAINT file_ready_has_etag CHECK (state <> 'ready' OR etag IS NOT NULL),
    CONSTRAINT file_state_known CHECK (state IN ('pending', 'clearing', 'ready', 'deleting')),
    CONSTRAINT file_task_outputs CHECK ((origin = 'task') = (task_id IS NOT NULL AND attempt IS NOT NULL)),
    CONSTRAINT file_uploads_visible CHECK (visible OR origin = 'task')
);

CREATE INDEX file_in_library ON file (id) WHERE in_library AND state <> 'deleting';
CREATE INDEX file_of_account ON file (account_id, id) WHERE visible AND state <> 'deleting';
CREATE INDEX file_of_task ON file (task_id) WHERE NOT visible;
CREATE INDEX file_to_sweep ON file (sweep_at) WHERE sweep_at IS NOT NULL;

CREATE TABLE library_file (
    number bigint DEFAULT next_id() PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    account_id bigint NOT NULL,
    owner_id text NOT NULL,
    chain_id uuid NOT NULL,
    chain_owner_id text NOT NULL,
    parent_id uuid,
    version integer NOT NULL,
    tools text[] NOT NULL,
    name text NOT NULL,
    file_id bigint NOT NULL UNIQUE REFERENCES file ON DELETE CASCADE,
    thumbnail_id bigint UNIQUE REFERENCES file ON DELETE SET NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT library_file_name_length CHECK (char_length(name) BETWEEN 1 AND 300),
    CONSTRAINT library_file_version CHECK (version >= 1)
);

CREATE INDEX library_file_of_chain ON library_file (chain_id, number);
CREATE INDEX library_file_of_owner ON library_file (account_id, owner_id, number);

CREATE TABLE pin (
    task_id bigint NOT NULL,
    file_id bigint NOT NULL REFERENCES file,
    sweep_at timestamptz NOT NULL,
    PRIMARY KEY (task_id, file_id)
);

CREATE INDEX pin_of_file ON pin (file_id);
CREATE INDEX pin_to_sweep ON pin (sweep_at);

CREATE TABLE surface_age (
    account_id bigint NOT NULL,
    surface text NOT NULL,
    max_age interval,
    redated_to bigint,
    PRIMARY KEY (account_id, surface)
);

-- Counts what each account stores: visible files that are not being deleted.
CREATE FUNCTION count_storage() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    account bigint;
    sizes bigint := 0;
    counted bigint := 0;
    unfinished bigint := 0;
    parted bigint := 0;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        account := OLD.account_id;
        IF (OLD.visible AND OLD.state <> 'deleting') THEN
            sizes := sizes - OLD.size_bytes;
            counted := counted - 1;
            IF OLD.state IN ('pending', 'clearing') THEN
                unfinished := unfinished - 1;
                parted := parted - CAST(OLD.upload_id IS NOT NULL AS integer);
            END IF;
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        account := NEW.account_id;
        IF (NEW.visible AND NEW.state <> 'deleting') THEN
            sizes := sizes + NEW.size_bytes;
            counted := counted + 1;
            IF NEW.state IN ('pending', 'clearing') THEN
                unfinished := unfinished + 1;
                parted := parted + CAST(NEW.upload_id IS NOT NULL AS integer);
            END IF;
        END IF;
    END IF;
    IF sizes <> 0 OR counted <> 0 OR unfinished <> 0 THEN
        INSERT INTO account_storage AS stored (account_id, size_bytes, files, uploads, parted_uploads)
        VALUES (account, sizes, counted, unfinished, parted)
        ON CONFLICT (account_id) DO UPDATE
        SET size_bytes = stored.size_bytes + excluded.size_bytes, files = stored.files + excluded.files,
            uploads = stored.uploads + excluded.uploads, parted_uploads = stored.parted_uploads + excluded.parted_uploads;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER file_inserted AFTER INSERT ON file FOR EACH ROW
WHEN (NEW.visible AND NEW.state <> 'deleting') EXECUTE FUNCTION count_storage();

CREATE TRIGGER file_updated AFTER UPDATE ON file FOR EACH ROW
WHEN (
    (OLD.visible AND OLD.state <> 'deleting') <> (NEW.visible AND NEW.state <> 'deleting')
    OR ((NEW.visible AND NEW.state <> 'deleting') AND (OLD.size_bytes, OLD.state) IS DISTINCT FROM (NEW.size_bytes, NEW.state))
)
EXECUTE FUNCTION count_storage();

CREATE TRIGGER file_deleted AFTER DELETE ON file FOR EACH ROW
WHEN (OLD.visible AND OLD.state <> 'deleting') EXECUTE FUNCTION count_storage();
"""


def upgrade() -> None:
    for statement in (
        CREATE_NEXT_ID,
        audit.CREATE_TABLE,
        *audit.CREATE_INDEXES,
        audit.CREATE_COUNTING_INDEX,
        idempotency.CREATE_TABLE,
        idempotency.CREATE_INDEX,
        *statements(_SCHEMA),
    ):
        op.execute(statement)
