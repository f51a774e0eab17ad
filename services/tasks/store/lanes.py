"""The SQL that has tasks wait in another lane."""

from __future__ import annotations

from sqlalchemy import text

from services.tasks.store.base import Store

MOVE = text("""
WITH previous AS (
  SELECT id, run_at FROM task WHERE lane = :lane AND state = 'QUEUED' ORDER BY id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
),
moved AS (
  UPDATE task SET lane = :target FROM previous
  WHERE task.id = previous.id AND task.state = 'QUEUED' AND task.lane = :lane
  RETURNING task.account_id, task.run_at
),
waited AS (
  SELECT account_id, count(*) FILTER (WHERE run_at IS NULL) AS tasks FROM moved GROUP BY account_id
),
policy AS (
  SELECT account_policy.account_id, priority_class, tasks
  FROM account_policy JOIN waited ON waited.account_id = account_policy.account_id
  ORDER BY account_policy.account_id
  FOR NO KEY UPDATE OF account_policy
),
place AS (
  SELECT lane_account.account_id, tasks
  FROM lane_account JOIN policy ON policy.account_id = lane_account.account_id
  WHERE lane = :lane
  ORDER BY lane_account.account_id
  FOR NO KEY UPDATE OF lane_account
),
leaves_the_lane AS (
  UPDATE lane_account SET queued = queued - place.tasks FROM place
  WHERE lane_account.lane = :lane AND lane_account.account_id = place.account_id
),
joins_the_lane AS (
  INSERT INTO lane_account AS known (lane, account_id, priority_class, queued, virtual_time)
  SELECT :target, account_id, priority_class, tasks, 0 FROM policy WHERE tasks > 0 ORDER BY account_id
  ON CONFLICT (lane, account_id) DO UPDATE SET queued = known.queued + excluded.queued
)
SELECT count(*) AS tasks FROM moved
""")
"""Have tasks that wait in `:lane`, at most `:limit`, wait in `:target`. No transition: the state stays. So does their order within an
account, which is by priority, then age."""


class LaneStore(Store):
    """Moves tasks between lanes."""

    async def move(self, lane: str, target: str, *, limit: int) -> int:
        """Have up to `limit` tasks of a lane that are QUEUED wait in another; returns how many."""
        [row] = await self._run(MOVE, {"lane": lane, "target": target, "limit": limit})
        return int(row["tasks"])
