"""The files that open tasks need, and those that ended tasks leave behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import text

from services.files.records import EndedTask, File, StoredOutput
from services.files.store.files import NAMEABLE
from services.files.store.retention import OUTPUT_END
from services.files.store.rows import Store, files
from services.files.store.storage import COUNTS_LOCKED, LOCK_COUNTS

_IS_WINNER = """
file.id = ANY(:winners) AND task_id = ANY(:task_ids) AND NOT visible AND state = 'ready' AND kept_as IS NULL
"""

_PIN = text("""
WITH wanted AS (
  SELECT DISTINCT task_id, file_id FROM unnest(CAST(:task_ids AS bigint[]), CAST(:file_ids AS bigint[])) AS named (task_id, file_id)
),
usable AS MATERIALIZED (
  SELECT * FROM file
  WHERE id = ANY(:file_ids) AND account_id = :account_id AND visible AND missing_since IS NULL AND NOT in_library
    AND CASE WHEN state = 'ready' THEN expires_at IS NULL OR expires_at > :now ELSE :unexamined AND state IN ('pending', 'clearing') END
  ORDER BY id FOR NO KEY UPDATE
),
refused AS (SELECT DISTINCT task_id FROM wanted WHERE file_id NOT IN (SELECT id FROM usable)),
added AS (
  INSERT INTO pin (task_id, file_id, sweep_at)
  SELECT task_id, file_id, :sweep_at FROM wanted
  WHERE CASE WHEN :all_or_none THEN NOT EXISTS (SELECT FROM refused) ELSE task_id NOT IN (SELECT task_id FROM refused) END
  ON CONFLICT DO NOTHING RETURNING file_id
),
counted AS (SELECT file_id, count(*) AS pins FROM added GROUP BY file_id),
changed AS (UPDATE file SET pins = file.pins + counted.pins FROM counted WHERE file.id = counted.file_id)
SELECT * FROM usable
""")
"""The count is in the file's own row, because only a condition on the row itself is checked again when two transactions conflict: the
sweeper's `pins = 0` sees a pin that was committed while it waited."""

_PINNED = text("""
SELECT file.*, next_id() AS new_id FROM file JOIN pin ON pin.file_id = file.id
WHERE pin.task_id = :task_id AND file.id = ANY(:file_ids) AND file.account_id = :account_id
""")

_RECORDED = text("""
SELECT * FROM file WHERE id = ANY(:file_ids) AND account_id = :account_id AND etag IS NOT NULL AND kept_as IS NULL
""")

_OUTPUTS = text("""
SELECT * FROM file
WHERE id = ANY(:file_ids) AND account_id = :account_id AND origin = 'task'
  AND task_id = :task_id AND attempt = :attempt AND state IN ('pending', 'ready')
""")

_STORED = text("""
WITH stored AS (
  SELECT * FROM unnest(CAST(:file_ids AS bigint[]), CAST(:etags AS text[]), CAST(:sizes AS bigint[])) AS sent (file_id, etag, size_bytes)
),
locked AS (
  SELECT id FROM file
  WHERE id = ANY(:file_ids) AND account_id = :account_id AND origin = 'task'
    AND task_id = :task_id AND attempt = :attempt AND state = 'pending' AND upload_id IS NULL
  ORDER BY id FOR NO KEY UPDATE
)
UPDATE file SET state = 'ready', etag = stored.etag, size_bytes = stored.size_bytes
FROM locked JOIN stored ON stored.file_id = locked.id
WHERE file.id = locked.id
RETURNING file.*
""")
"""PENDING → READY for outputs. They stay hidden, and the sweeper asks about them when it would have."""

_KEPT = text("""
SELECT * FROM (
  SELECT DISTINCT ON (kept_as) * FROM file
  WHERE task_id = :task_id AND account_id = :account_id AND NOT visible AND kept_as IS NOT NULL AND state = 'ready'
    AND missing_since IS NULL
  ORDER BY kept_as, id DESC
) AS newest
ORDER BY id
""")

_CLAIM = text(f"""
WITH locked AS (
  SELECT id FROM file
  WHERE id = ANY(:file_ids) AND account_id = :account_id AND origin = 'task' AND NOT visible AND state = 'ready' AND kept_as IS NULL
    AND missing_since IS NULL
  ORDER BY id FOR NO KEY UPDATE
),
claimed AS (
  UPDATE file SET visible = true, expires_at = {OUTPUT_END}, sweep_at = {OUTPUT_END}
  FROM locked WHERE file.id = locked.id
  RETURNING file.*
)
SELECT * FROM claimed UNION ALL SELECT * FROM file WHERE id = ANY(:file_ids) AND visible AND {NAMEABLE}
""")  # noqa: S608 - put together from constants
"""The second part sees the earlier state, so that it returns no file of the first, nor one that is being shown by another."""

_DELETE_OUTPUTS = text("""
WITH locked AS (
  SELECT id FROM file
  WHERE id = ANY(:file_ids) AND task_id = :task_id AND account_id = :account_id AND state <> 'deleting'
  ORDER BY id FOR NO KEY UPDATE
)
UPDATE file SET state = 'deleting', sweep_at = CASE WHEN pins = 0 THEN CAST(:now AS timestamptz) END
FROM locked WHERE file.id = locked.id
RETURNING file.id
""")

_RELEASED = """lost AS (SELECT file_id, count(*) AS pins FROM dropped GROUP BY file_id),
released AS (
  UPDATE file
  SET pins = file.pins - lost.pins,
      sweep_at = CASE WHEN file.pins = lost.pins AND (state = 'deleting' OR expires_at <= :now)
                      THEN CAST(:now AS timestamptz) ELSE sweep_at END
  FROM lost WHERE file.id = lost.file_id
  RETURNING file.sweep_at
)"""
"""Part of a statement that has dropped pins. A file may lose several at once, but an UPDATE … FROM changes each row only once, so the pins
are counted first."""

SETTLE = text(f"""
WITH concerned AS (
  SELECT id FROM file WHERE task_id = ANY(:task_ids) AND NOT visible
  UNION SELECT file_id FROM pin WHERE task_id = ANY(:task_ids)
),
held AS MATERIALIZED (
  SELECT id, account_id FROM file WHERE id IN (SELECT id FROM concerned) ORDER BY id FOR NO KEY UPDATE
),
locked AS (SELECT account_id FROM held WHERE id = ANY(:winners)),
{LOCK_COUNTS},
shown AS (
  UPDATE file SET visible = true, expires_at = {OUTPUT_END}, sweep_at = {OUTPUT_END}
  FROM held WHERE file.id = held.id AND {_IS_WINNER} AND {COUNTS_LOCKED}
),
given_up AS (
  UPDATE file SET state = 'deleting', sweep_at = :now
  FROM held WHERE file.id = held.id AND task_id = ANY(:task_ids) AND NOT visible AND state <> 'deleting' AND NOT ({_IS_WINNER})
  RETURNING file.sweep_at
),
dropped AS (DELETE FROM pin WHERE task_id = ANY(:task_ids) AND (SELECT count(*) FROM held) IS NOT NULL RETURNING file_id),
{_RELEASED}
SELECT FROM given_up UNION ALL SELECT FROM released WHERE sweep_at <= :now
""")  # noqa: S608 - put together from constants
"""One row for each file that can be removed now. No row is changed twice, which one statement could not do: outputs that are shown or given
up are hidden, and only visible files are pinned. All rows are locked first, in order."""

_UNPIN = text(f"""
WITH held AS (SELECT id FROM file WHERE id = ANY(:file_ids) ORDER BY id FOR NO KEY UPDATE),
dropped AS (DELETE FROM pin WHERE task_id = :task_id AND file_id IN (SELECT id FROM held) RETURNING file_id),
{_RELEASED}
SELECT 1 FROM released
""")  # noqa: S608 - put together from constants


class TaskFileStore(Store):
    """Statements about pins and outputs."""

    async def pin(
        self,
        wanted: Mapping[int, Collection[int]],
        account_id: int,
        now: datetime,
        sweep_at: datetime,
        *,
        all_or_none: bool,
        unexamined: bool = False,
    ) -> dict[int, File]:
        """Pin READY files for tasks, `wanted` by task, and return those that are READY, by id; with `unexamined`, also PENDING ones.

        A task with any other file gets no pins; with `all_or_none`, then no task does. An existing pin is left unchanged.
        """
        pins = [(task_id, file_id) for task_id, ids in wanted.items() for file_id in ids]
        usable = await self._files(
            _PIN,
            task_ids=[task_id for task_id, _ in pins],
            file_ids=[file_id for _, file_id in pins],
            account_id=account_id,
            now=now,
            sweep_at=sweep_at,
            all_or_none=all_or_none,
            unexamined=unexamined,
        )
        return {file.id: file for file in usable}

    async def unpin(self, task_id: int, file_ids: Collection[int], now: datetime) -> None:
        """Drop a task's pins of these files."""
        await self._ids(_UNPIN, task_id=task_id, file_ids=list(file_ids), now=now)

    async def pinned_files(self, task_id: int, account_id: int, file_ids: Collection[int]) -> tuple[dict[int, File], list[int]]:
        """Those of the files that the task has pinned, including deleted ones, by id; and as many new ids."""
        values = {"task_id": task_id, "account_id": account_id, "file_ids": list(set(file_ids))}
        rows = await self._database.fetch(_PINNED, values)
        return {file.id: file for file in files(rows)}, [row["new_id"] for row in rows]

    async def accepted_files(self, account_id: int, file_ids: Collection[int]) -> list[File]:
        """Those of the files that have been accepted, expired and deleted ones included, in no particular order."""
        return await self._files(_RECORDED, account_id=account_id, file_ids=list(set(file_ids)))

    async def outputs(self, task_id: int, attempt: int, account_id: int, file_ids: Collection[int]) -> dict[int, File]:
        """Those of the files that the attempt created and that have not been given up, by id."""
        found = await self._files(_OUTPUTS, task_id=task_id, attempt=attempt, account_id=account_id, file_ids=list(set(file_ids)))
        return {file.id: file for file in found}

    async def complete_outputs(self, task_id: int, attempt: int, account_id: int, outputs: Collection[StoredOutput]) -> dict[int, File]:
        """PENDING → READY for those outputs of the attempt that are stored in one piece; those that were PENDING, by id."""
        accepted = await self._files(
            _STORED,
            task_id=task_id,
            attempt=attempt,
            account_id=account_id,
            file_ids=[output.file_id for output in outputs],
            etags=[output.etag for output in outputs],
            sizes=[output.size_bytes for output in outputs],
        )
        return {file.id: file for file in accepted}

    async def kept_files(self, task_id: int, account_id: int) -> list[File]:
        """The files that attempts of the task kept for later ones: the newest file of each key, in the order in which they were kept."""
        return await self._files(_KEPT, task_id=task_id, account_id=account_id)

    async def claim(self, account_id: int, file_ids: Collection[int], now: datetime, life: timedelta) -> dict[int, File]:
        """Show READY outputs of a task that succeeded with them, for `life` or as long as is set for their account.

        Returns them by id, and those of the files that were already shown and that the account can name; they are left unchanged.
        """
        shown = await self._files(_CLAIM, account_id=account_id, file_ids=list(set(file_ids)), now=now, life=life)
        return {file.id: file for file in shown}

    async def delete_outputs(self, account_id: int, task_id: int, file_ids: Collection[int], now: datetime) -> bool:
        """→ DELETING for those of the files that are the task's, shown or not; a pinned one waits for its last pin. False if none are."""
        values = {"account_id": account_id, "task_id": task_id, "file_ids": list(set(file_ids)), "now": now}
        return bool(await self._ids(_DELETE_OUTPUTS, **values))

    async def settle(self, ended: Collection[EndedTask], now: datetime, life: timedelta) -> bool:
        """Show the outputs that ended tasks succeeded with, give up their other outputs, and drop their pins. Repeating it changes nothing.

        True if there is something for the sweeper to remove now.
        """
        values = {
            "task_ids": [task.task_id for task in ended],
            "winners": [file_id for task in ended for file_id in task.output_file_ids],
            "now": now,
            "life": life,
        }
        return bool(await self._database.fetch(SETTLE, values))
