"""The SQL of machines whose workers are expected to come back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import text

from services.tasks.model.away_worker import AwayWorker
from services.tasks.store.base import Store
from services.tasks.store.rows import away_worker_of

REMEMBER = text("""
INSERT INTO away_worker AS known (name, lanes, operations, gpu, seen_time, until)
VALUES (:name, CAST(:lanes AS text[]), CAST(:operations AS text[]), :gpu, :seen_time, :until)
ON CONFLICT (name) DO UPDATE SET
  lanes = excluded.lanes,
  operations = ARRAY(
    SELECT operation FROM unnest(excluded.operations || known.operations) AS operation
    WHERE operation = ANY(excluded.operations || CAST(:configured AS text[]))
    GROUP BY operation ORDER BY operation
  ),
  gpu = excluded.gpu, seen_time = excluded.seen_time, until = excluded.until
WHERE known.seen_time < excluded.seen_time
""")
"""The offers of a machine. Offers that worked there and are still configured stay, such as while its model server starts. Replicas that
have all read the same message write it once."""

KNOWN = text("""
WITH gone AS (DELETE FROM away_worker WHERE until <= :now)
SELECT * FROM away_worker WHERE until > :now ORDER BY seen_time DESC, name
""")
"""Those that are expected to come back, or are here; the one that was here last first. The others are forgotten."""

OFFERED = text("SELECT EXISTS (SELECT FROM away_worker WHERE until > :now AND :operation = ANY(operations)) AS offered")
FORGET = text("DELETE FROM away_worker WHERE name = ANY(CAST(:names AS text[])) RETURNING name")


class AwayWorkerStore(Store):
    """The table `away_worker`."""

    async def remember(self, worker: AwayWorker, configured: Collection[str]) -> None:
        """Keep what a machine offers, unless as much or more is known of it. `configured`: the operations that it may offer again."""
        values = {
            "name": worker.name,
            "lanes": list(worker.lanes),
            "operations": list(worker.operations),
            "configured": list(configured),
            "gpu": worker.gpu,
            "seen_time": worker.seen_time,
            "until": worker.until,
        }
        await self._run(REMEMBER, values)

    async def list_machines(self, *, now: datetime) -> Sequence[AwayWorker]:
        """The machines that are expected to come back, or are here; the one that was here last first. Forgets those whose time is over."""
        return [away_worker_of(row) for row in await self._run(KNOWN, {"now": now})]

    async def offers(self, operation: str, *, now: datetime) -> bool:
        """Whether one of them offers an operation."""
        [row] = await self._run(OFFERED, {"operation": operation, "now": now})
        return bool(row["offered"])

    async def forget(self, *names: str) -> Sequence[str]:
        """Expect machines no longer; returns those that were known."""
        return [row["name"] for row in await self._run(FORGET, {"names": list(names)})]
