"""The SQL of the order between tasks: whose turn it is in a lane, what becomes due, and how long that will take.

Accounts take turns by start-time fair queuing (Goyal, Vin and Cheng, "Start-time Fair Queueing", SIGCOMM 1996,
https://doi.org/10.1145/248156.248171), with every task of the same size: an account's next task has the start tag max(the account's virtual
time, the virtual time of its class), the smallest tag goes first, and each turn moves the account on by 1 / weight. The virtual time of a
class is the largest tag served so far. An account that returns from idleness, or was held at its limit, therefore starts where the class
is: with no credit and no debt. A larger class goes strictly first; each class has its own virtual time, so that a class that had to wait is
still fair within itself.

TAKE moves virtual times under the lane's lock. Tasks that start while no other waits are turns, too, and move them without it
(`finished.py`, `started.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from services.tasks.model import Task
from services.tasks.model.records import Flow, Slot, StartedTasks
from services.tasks.store.account_order import NEAR
from services.tasks.store.base import Store
from services.tasks.store.finished import ROOM
from services.tasks.store.parts import ATTEMPT_BEGINS, transition
from services.tasks.store.rows import task_of

LANE_LOCKS = 7_245
"""The space of the lanes' advisory locks: one taking at a time in a lane, so that turns and limits are counted correctly."""
# Retries that are made due at once.
_DUE = 500

MAKE_DUE = text("""
WITH due AS (
  SELECT id FROM task
  WHERE lane = :lane AND state = 'QUEUED' AND run_at <= :now
  ORDER BY run_at
  LIMIT :limit
  FOR NO KEY UPDATE SKIP LOCKED
),
ready AS (
  UPDATE task SET run_at = NULL
  WHERE id = ANY (ARRAY(SELECT id FROM due)) AND state = 'QUEUED' AND run_at IS NOT NULL
  RETURNING account_id
),
account AS (
  SELECT account_id FROM lane_account
  WHERE lane = :lane AND account_id = ANY (ARRAY(SELECT account_id FROM ready))
  ORDER BY account_id
  FOR NO KEY UPDATE
),
joins_again AS (
  UPDATE lane_account SET queued = queued + counted.tasks
  FROM account
  JOIN (SELECT account_id, count(*) AS tasks FROM ready GROUP BY account_id) AS counted ON counted.account_id = account.account_id
  WHERE lane_account.lane = :lane AND lane_account.account_id = account.account_id
)
SELECT EXISTS (SELECT FROM ready) OR EXISTS (SELECT FROM lane_account WHERE lane = :lane AND waiting) AS waiting
""")
"""Let tasks whose retry is due take part in the order. Until then they are outside it, in an index of their own, so that they block no
other task. No transition: the state stays. Returns whether any task of the lane takes part."""

# A subquery in an array makes the planner correctly expect few rows, and so use the primary key. It cannot see the value of a computed
# LIMIT, and would expect a tenth of the queue.
NEXT = """
free AS (SELECT CAST(:places AS bigint) AS places),
candidate AS (
  SELECT
    contender.account_id, contender.priority_class, policy.weight,
    greatest(contender.virtual_time, coalesce(class.virtual_time, 0)) AS start,
    least(contender.queued, coalesce(policy.max_running, :max_running) - policy.running, (SELECT places FROM free)) AS most
  FROM lane_account AS contender
  JOIN account_policy AS policy ON policy.account_id = contender.account_id
  LEFT JOIN lane_class AS class ON class.lane = contender.lane AND class.priority_class = contender.priority_class
  WHERE contender.lane = :lane AND contender.waiting AND policy.running < coalesce(policy.max_running, :max_running)
  ORDER BY contender.priority_class DESC, contender.virtual_time, contender.account_id
  LIMIT (SELECT places FROM free)
),
share AS (
  SELECT account_id, count(*) AS tasks
  FROM (
    SELECT account_id FROM candidate CROSS JOIN LATERAL generate_series(0, most - 1) AS turn
    ORDER BY priority_class DESC, start + turn / weight, account_id
    LIMIT (SELECT places FROM free)
  ) AS served
  GROUP BY account_id
),
next AS (
  SELECT
    head.id, candidate.account_id, candidate.priority_class, candidate.weight,
    candidate.start
      + (row_number() OVER (PARTITION BY candidate.account_id ORDER BY head.priority DESC, head.id) - 1) / candidate.weight AS tag
  FROM share
  JOIN candidate ON candidate.account_id = share.account_id
  CROSS JOIN LATERAL (
    SELECT id, priority FROM task
    WHERE lane = :lane AND task.account_id = share.account_id AND state = 'QUEUED' AND run_at IS NULL
    ORDER BY priority DESC, id
    LIMIT share.tasks
    FOR NO KEY UPDATE SKIP LOCKED
  ) AS head
),
policy AS (
  SELECT account_id FROM account_policy
  WHERE account_id = ANY (ARRAY(SELECT account_id FROM next))
  ORDER BY account_id
  FOR NO KEY UPDATE
),
admitted AS (
  UPDATE account_policy SET running = running + taken.tasks
  FROM policy JOIN (SELECT account_id, count(*) AS tasks FROM next GROUP BY account_id) AS taken ON taken.account_id = policy.account_id
  WHERE account_policy.account_id = policy.account_id
    AND running + taken.tasks <= coalesce(account_policy.max_running, :max_running)
  RETURNING account_policy.account_id
),"""

ACCOUNTS_ADVANCE = """
contender AS (
  SELECT account_id FROM lane_account
  WHERE lane = :lane AND account_id = ANY (ARRAY(SELECT account_id FROM moved))
  ORDER BY account_id
  FOR NO KEY UPDATE
),
accounts_advance AS (
  UPDATE lane_account SET queued = queued - taken.tasks, virtual_time = taken.virtual_time
  FROM contender JOIN (
    SELECT next.account_id, count(*) AS tasks, max(next.tag + 1 / next.weight) AS virtual_time
    FROM moved JOIN next ON next.id = moved.id
    GROUP BY next.account_id
  ) AS taken ON taken.account_id = contender.account_id
  WHERE lane_account.lane = :lane AND lane_account.account_id = contender.account_id
)"""

CLASSES_ADVANCE = """
classes_advance AS (
  INSERT INTO lane_class AS known (lane, priority_class, virtual_time, dispatched)
  SELECT moved.lane, next.priority_class, max(next.tag), count(*)
  FROM moved JOIN next ON next.id = moved.id
  GROUP BY moved.lane, next.priority_class
  ON CONFLICT (lane, priority_class) DO UPDATE SET
    virtual_time = greatest(known.virtual_time, excluded.virtual_time), dispatched = known.dispatched + excluded.dispatched
)"""

IN_TURN = "next.priority_class DESC, next.tag, next.account_id"

_CHOSEN = f"""
chosen AS (
  SELECT turn.id, slot.run_id, slot.worker
  FROM (
    SELECT next.id, row_number() OVER (ORDER BY {IN_TURN}) AS number
    FROM next JOIN admitted ON admitted.account_id = next.account_id
  ) AS turn
  JOIN unnest(CAST(:run_ids AS uuid[]), CAST(:workers AS text[])) WITH ORDINALITY AS slot (run_id, worker, number)
    ON slot.number = turn.number
),"""  # noqa: S608 - put together from constants

TAKE = transition(
    """
  UPDATE task SET
    state = 'RUNNING', attempt = attempt + 1, run_id = chosen.run_id, lease_until = :lease_until,
    progress = 0, progress_message = '', start_time = greatest(:now, task.update_time), update_time = greatest(:now, task.update_time),
    last_sequence = last_sequence + 1
  FROM chosen
  WHERE task.id = ANY (ARRAY(SELECT id FROM chosen)) AND task.id = chosen.id AND task.state = 'QUEUED'
  RETURNING task.*, chosen.worker""",
    ATTEMPT_BEGINS,
    ACCOUNTS_ADVANCE,
    CLASSES_ADVANCE,
    before=NEXT + _CHOSEN,
    result=f"""
SELECT moved.*, outbox.*, left_over.more_wait
FROM (
  SELECT EXISTS (
    SELECT FROM (
      SELECT account_id, queued FROM lane_account WHERE lane = :lane AND waiting
      ORDER BY priority_class DESC, virtual_time, account_id
      LIMIT (SELECT places + 1 FROM free)
    ) AS waits
    WHERE waits.queued > (SELECT count(*) FROM moved WHERE moved.account_id = waits.account_id)
  ) AS more_wait
) AS left_over
LEFT JOIN (moved JOIN next ON next.id = moved.id CROSS JOIN outbox) ON true
ORDER BY {IN_TURN}""",  # noqa: S608 - put together from constants
)
"""Start the lane's next tasks, one for each free slot, in the order of their turns: an account's own tasks by priority, then age.

`candidate` holds the accounts that could have a turn, as many as there are places; `share` says how many turns each gets; `next` takes that
many tasks from the head of each account's queue. A task that is being cancelled is skipped. `admitted` checks the account's limit again on
the newest row, since another lane may have given it a place meanwhile; the task then waits for the next time. The cost depends on the
places and the accounts held at their limit, not on the depth of the queue. If no task starts, there is one row, without a task."""

HELD = text("""
WITH held AS (
  SELECT id FROM task WHERE state = 'RUNNING' AND run_id = ANY (CAST(:run_ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE
)
UPDATE task SET lease_until = least(:lease_until, start_time + :timeout)
WHERE id = ANY (ARRAY(SELECT id FROM held)) AND state = 'RUNNING'
RETURNING *
""")
"""The tasks that slots were given and have not ended, each with a new lease. The new lease also keeps HAND_BACK from taking back what was
not sent on an earlier stream. The few RUNNING tasks have an index."""

PLACE = text(f"""
WITH own AS (
  SELECT
    task.id, task.lane, task.account_id, task.priority, policy.weight, contender.priority_class,
    greatest(contender.virtual_time, coalesce(class.virtual_time, 0)) AS start
  FROM task
  JOIN account_policy AS policy ON policy.account_id = task.account_id
  JOIN lane_account AS contender ON contender.lane = task.lane AND contender.account_id = task.account_id
  LEFT JOIN lane_class AS class ON class.lane = contender.lane AND class.priority_class = contender.priority_class
  WHERE task.id = :id AND task.state = 'QUEUED' AND task.run_at IS NULL
),
ahead AS MATERIALIZED (
  SELECT own.*, coalesce(CAST(:own_tasks AS bigint), (
    SELECT count(*) FROM (
      SELECT priority, id FROM task
      WHERE lane = own.lane AND account_id = own.account_id AND state = 'QUEUED' AND run_at IS NULL AND priority >= own.priority
      ORDER BY priority DESC, id
      LIMIT {NEAR}
    ) AS head
    WHERE head.priority > own.priority OR head.id < own.id
  )) AS own_tasks
  FROM own
)
SELECT ahead.own_tasks + coalesce(sum(
    CASE
      WHEN other.priority_class > ahead.priority_class THEN other.queued
      ELSE least(other.queued, greatest(0, ceil(
        (ahead.start + ahead.own_tasks / ahead.weight - greatest(other.virtual_time, coalesce(class.virtual_time, 0))) * policy.weight
      )))
    END
  ), 0) AS position, ahead.own_tasks
FROM ahead
LEFT JOIN (
  lane_account AS other
  JOIN account_policy AS policy ON policy.account_id = other.account_id
  LEFT JOIN lane_class AS class ON class.lane = other.lane AND class.priority_class = other.priority_class
) ON other.lane = ahead.lane AND other.waiting AND other.priority_class >= ahead.priority_class AND other.account_id <> ahead.account_id
GROUP BY ahead.own_tasks
""")  # noqa: S608 - put together from constants
"""How many tasks of the lane currently go before a waiting one: the account's own, and each other account's turns before this task's start
tag. Limits on running tasks are ignored. The account's own are `:own_tasks` if that is given; else those among the
first `NEAR` of its queue. For others, the sum is over accounts, not over their tasks."""

WAITING = text("""
SELECT coalesce((SELECT queued FROM lane_account WHERE lane = :lane AND account_id = :account_id), 0) AS waiting
""")
"""How many of an account's tasks take part in the order of a lane."""

FLOWS = text("""
SELECT
  lane, coalesce((SELECT sum(dispatched) FROM lane_class WHERE lane_class.lane = asked.lane), 0) AS started,
  EXISTS (SELECT FROM lane_account WHERE lane_account.lane = asked.lane AND waiting) AS waiting
FROM unnest(CAST(:lanes AS text[])) AS asked (lane)
""")
"""How many turns lanes have given in total, and whether tasks wait for one."""


class OrderStore(Store):
    """Decides whose turn it is in a lane, and gives its tasks to free slots of workers."""

    async def make_due(self, lane: str, *, now: datetime) -> bool:
        """Let the lane's tasks whose retry is due take part in the order. Returns whether any of its tasks does."""
        [due] = await self._run(MAKE_DUE, {"lane": lane, "now": now, "limit": _DUE})
        return bool(due["waiting"])

    async def take(self, lane: str, slots: Sequence[Slot], *, max_running: int, lease_until: datetime, now: datetime) -> StartedTasks:
        """Start up to as many of the lane's next tasks as there are slots, in the order of their turns. No account gets more than
        `max_running` tasks under way, or its own limit if it has one."""
        values = {
            "lane": lane,
            "places": len(slots),
            "run_ids": [slot.run_id for slot in slots],
            "workers": [slot.worker for slot in slots],
            "max_running": max_running,
            "lease_until": lease_until,
            "now": now,
        }
        rows = await self._database.fetch_in_turn(LANE_LOCKS, lane, TAKE, values)
        return StartedTasks([task_of(row) for row in rows if row["id"] is not None], more_wait=rows[0]["more_wait"])

    async def room(self, account_id: int, lane: str, *, under_way: int, max_running: int) -> int | None:
        """The id of a task that the account may run at once, since none waits in the lane, and it is below its limit with the tasks that
        are `under_way` and not stored; None if it must wait its turn."""
        values = {"account_id": account_id, "lane": lane, "under_way": under_way, "max_running": max_running}
        [row] = await self._run(ROOM, values)
        return int(row["task_id"]) if row["has_room"] and not row["waits"] else None

    async def renew_leases(self, run_ids: Sequence[UUID], *, lease_until: datetime, timeout: timedelta) -> list[Task]:
        """The RUNNING tasks of slots, with a new lease, within `timeout` of the attempt's start."""
        values = {"run_ids": list(run_ids), "lease_until": lease_until, "timeout": timeout}
        return [task_of(row) for row in await self._run(HELD, values)]

    async def place(self, task_id: int, *, own_tasks: int | None = None) -> tuple[int, int] | None:
        """Roughly how many tasks of its lane go before a task, and how many of those are its account's own and wait as it does.

        The latter is `own_tasks`, or what counting finds, exact if it is below `NEAR`. None unless the task is QUEUED and due.
        """
        rows = await self._run(PLACE, {"id": task_id, "own_tasks": own_tasks})
        return (int(rows[0]["position"]), int(rows[0]["own_tasks"])) if rows else None

    async def waiting(self, account_id: int, lane: str) -> int:
        """How many tasks of an account are QUEUED and due in a lane."""
        [row] = await self._run(WAITING, {"lane": lane, "account_id": account_id})
        return int(row["waiting"])

    async def flows(self, lanes: Collection[str]) -> Mapping[str, Flow]:
        """By lane, the number of tasks that passed through it, and whether tasks wait for its workers."""
        return {row["lane"]: Flow(int(row["started"]), row["waiting"]) for row in await self._run(FLOWS, {"lanes": list(lanes)})}
