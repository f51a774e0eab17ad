"""The SQL for workers of the previous version, which are offered tasks (DISPATCHED) before they start them. The next version deletes it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import text

from services.platform.batching import Batched
from services.platform.database import Database
from services.tasks.model import Task
from services.tasks.store.base import BATCH, REPORT_SPACING, Store
from services.tasks.store.order import ACCOUNTS_ADVANCE, CLASSES_ADVANCE, IN_TURN, LANE_LOCKS, NEXT
from services.tasks.store.parts import ATTEMPT_BEGINS, NO_LONGER_RUNNING, asked, transition
from services.tasks.store.rows import first, task_of

DISPATCH = transition(
    """
  UPDATE task SET
    state = 'DISPATCHED', dispatch_time = :now, update_time = greatest(:now, update_time), last_sequence = last_sequence + 1
  WHERE id = ANY (ARRAY(SELECT next.id FROM next JOIN admitted ON admitted.account_id = next.account_id)) AND state = 'QUEUED'
  RETURNING *""",
    ACCOUNTS_ADVANCE,
    CLASSES_ADVANCE,
    before=NEXT,
    result=f"SELECT moved.*, outbox.* FROM moved JOIN next ON next.id = moved.id CROSS JOIN outbox ORDER BY {IN_TURN}",  # noqa: S608 - put together from constants
)
"""Offer the lane's next tasks, chosen as by TAKE."""

START = transition(
    """
  UPDATE task SET
    state = 'RUNNING', attempt = attempt + 1, run_id = asked.run_id, lease_until = asked.lease_until, dispatch_time = NULL,
    progress = 0, progress_message = '', start_time = greatest(asked.now, task.update_time),
    update_time = greatest(asked.now, task.update_time), last_sequence = last_sequence + 1
  FROM asked
  WHERE task.id = asked.id AND task.state = 'DISPATCHED'
  RETURNING task.*, asked.number, asked.worker""",
    ATTEMPT_BEGINS,
    before=asked("run_id uuid, worker text, lease_until timestamptz, now timestamptz", guard="task.state = 'DISPATCHED'"),
)
"""Admit one run to each of the tasks."""

STARTED = text("SELECT * FROM task WHERE id = :id AND state = 'RUNNING' AND run_id = :run_id")
"""The task, if START already admitted this run and it is still running: the reply was lost."""

RECALL = transition(
    """
  UPDATE task SET
    state = 'QUEUED', dispatch_time = NULL, run_at = :now, update_time = greatest(:now, task.update_time), last_sequence = last_sequence + 1
  FROM overdue
  WHERE task.id = overdue.id AND task.state = 'DISPATCHED'
  RETURNING task.*""",
    NO_LONGER_RUNNING,
    before="""
overdue AS (
  SELECT id FROM task
  WHERE lane = :lane AND state = 'DISPATCHED' AND dispatch_time <= :offered_before
  ORDER BY id
  FOR NO KEY UPDATE SKIP LOCKED
),""",
)
"""Take back tasks that were offered long ago: their workers have gone, or never got the message. Such a task is due at once."""


class FormerWorkerStore(Store):
    """Offers tasks, takes them back, and starts them."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._starts = Batched(partial(self._transitions, START), BATCH, REPORT_SPACING)

    async def dispatch(self, lane: str, *, places: int, max_running: int, now: datetime) -> list[Task]:
        """Move up to `places` of the lane's next tasks to DISPATCHED, in the order of their turns."""
        values = {"lane": lane, "places": places, "max_running": max_running, "now": now}
        return [task_of(row) for row in await self._database.fetch_in_turn(LANE_LOCKS, lane, DISPATCH, values)]

    async def recall(self, lane: str, *, offered_before: datetime, now: datetime) -> list[Task]:
        """Queue the lane's tasks again that have been DISPATCHED since before `offered_before`."""
        return [task_of(row) for row in await self._run(RECALL, {"lane": lane, "offered_before": offered_before, "now": now})]

    async def start(self, task_id: int, *, run_id: UUID, worker: str, lease_until: datetime, now: datetime) -> Task | None:
        """Begin an attempt at a DISPATCHED task."""
        return await self._starts({"id": task_id, "run_id": run_id, "worker": worker, "lease_until": lease_until, "now": now})

    async def started(self, task_id: int, run_id: UUID) -> Task | None:
        """The task, if this run has it RUNNING."""
        return first(task_of, await self._run(STARTED, {"id": task_id, "run_id": run_id}))
