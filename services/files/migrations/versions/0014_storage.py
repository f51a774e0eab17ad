"""What each account stores, counted by triggers, and how much it may."""

from alembic import op

revision = "0014"
down_revision = "0013"

_ACCOUNT_STORAGE = """
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
) WITH (fillfactor = 50)
"""
# Counted are visible files that are not being deleted: of a row that a condition names OLD or NEW.
_COUNTED = "({row}.visible AND {row}.state <> 'deleting')"
_OLD, _NEW = _COUNTED.format(row="OLD"), _COUNTED.format(row="NEW")
_COUNT = f"""
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
        IF {_OLD} THEN
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
        IF {_NEW} THEN
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
END $$
"""  # noqa: S608 - put together from constants
_TRIGGERS = (
    f"CREATE TRIGGER file_inserted AFTER INSERT ON file FOR EACH ROW WHEN {_NEW} EXECUTE FUNCTION count_storage()",
    f"""
    CREATE TRIGGER file_updated AFTER UPDATE ON file FOR EACH ROW
    WHEN ({_OLD} <> {_NEW} OR ({_NEW} AND (OLD.size_bytes, OLD.state) IS DISTINCT FROM (NEW.size_bytes, NEW.state)))
    EXECUTE FUNCTION count_storage()
    """,
    f"CREATE TRIGGER file_deleted AFTER DELETE ON file FOR EACH ROW WHEN {_OLD} EXECUTE FUNCTION count_storage()",
)
_COUNT_EXISTING = """
INSERT INTO account_storage (account_id, size_bytes, files, uploads, parted_uploads)
SELECT account_id, sum(size_bytes), count(*), count(*) FILTER (WHERE state <> 'ready'),
       count(*) FILTER (WHERE state <> 'ready' AND upload_id IS NOT NULL)
FROM file WHERE visible AND state <> 'deleting'
GROUP BY account_id
"""


def upgrade() -> None:
    # Making the triggers locks the table against writes until the count below is committed with them.
    for statement in (_ACCOUNT_STORAGE, _COUNT, *_TRIGGERS, _COUNT_EXISTING):
        op.execute(statement)


def downgrade() -> None:
    for trigger in ("file_inserted", "file_updated", "file_deleted"):
        op.execute(f"DROP TRIGGER {trigger} ON file")
    op.execute("DROP FUNCTION count_storage")
    op.execute("DROP TABLE account_storage")
