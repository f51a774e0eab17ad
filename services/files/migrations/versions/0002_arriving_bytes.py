"""Uploads count with the bytes that have begun to arrive, where these are more than was announced."""

from alembic import op

from services.platform.migrations import statements

revision = "0002"
down_revision = "0001"

_SCHEMA = """
-- Counts what each account stores: visible files that are not being deleted.
CREATE OR REPLACE FUNCTION count_storage() RETURNS trigger LANGUAGE plpgsql AS $$
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
            counted := counted - 1;
            IF OLD.state IN ('pending', 'clearing') THEN
                sizes := sizes - greatest(OLD.size_bytes, OLD.arriving_bytes);
                unfinished := unfinished - 1;
                parted := parted - CAST(OLD.upload_id IS NOT NULL AS integer);
            ELSE
                sizes := sizes - OLD.size_bytes;
            END IF;
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        account := NEW.account_id;
        IF (NEW.visible AND NEW.state <> 'deleting') THEN
            counted := counted + 1;
            IF NEW.state IN ('pending', 'clearing') THEN
                sizes := sizes + greatest(NEW.size_bytes, NEW.arriving_bytes);
                unfinished := unfinished + 1;
                parted := parted + CAST(NEW.upload_id IS NOT NULL AS integer);
            ELSE
                sizes := sizes + NEW.size_bytes;
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

CREATE OR REPLACE TRIGGER file_updated AFTER UPDATE ON file FOR EACH ROW
WHEN (
    (OLD.visible AND OLD.state <> 'deleting') <> (NEW.visible AND NEW.state <> 'deleting')
    OR (
        (NEW.visible AND NEW.state <> 'deleting')
        AND (OLD.size_bytes, OLD.arriving_bytes, OLD.state) IS DISTINCT FROM (NEW.size_bytes, NEW.arriving_bytes, NEW.state)
    )
)
EXECUTE FUNCTION count_storage();
"""


def upgrade() -> None:
    op.execute("ALTER TABLE file ADD COLUMN arriving_bytes bigint NOT NULL DEFAULT 0")
    for statement in statements(_SCHEMA):
        op.execute(statement)
