"""The model of the database that simulations use does what PostgreSQL does: the same operations, in any order, have the same results."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.database import Database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import IdempotentCall
from services.tasks.domain.acceptance.admission import admit_task
from services.tasks.model import Task
from services.tasks.model.records import Completion, CreditTerms, FirstSlot, NewTask, NewTasks, Slot
from services.tasks.store.due import DueStore
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.simulation.database import InstantDatabase

LANES, ACCOUNTS = ("picture", "neural"), (1, 2, 3)
LEASE, TIMEOUT, MOST = timedelta(seconds=30), timedelta(minutes=2), 3
OPERATIONS = 150
_TERMS = CreditTerms(unlimited=False, multiplier_permille=1000)
_POLICY = (
    "account_id", "open", "pooled", "running", "max_running", "weight", "priority_class", "available_millicredits", "reserved_millicredits",
)  # fmt: skip
_TABLES = {
    "account_policy": _POLICY,
    "lane_account": ("lane", "account_id", "priority_class", "queued", "virtual_time"),
    "lane_class": ("lane", "priority_class", "virtual_time", "dispatched"),
    "task_attempt": ("task_id", "attempt", "run_id", "worker", "start_time", "end_time", "outcome", "error_reason"),
    "task_event": ("task_id", "sequence", "state", "attempt", "progress", "message", "error_reason", "error_message", "time", "unchanged"),
    "ledger_entry": ("task_id", "kind", "account_id", "amount_millicredits", "time"),
}


class Operations:
    """Random ones. Each is drawn once, and carried out on every store that it is given."""

    def __init__(self, seed: int, clock: MovableClock) -> None:
        self.chance, self.clock = random.Random(seed), clock
        self.ids: list[int] = []
        self.runs: list[UUID] = []
        self.attempts: dict[int, int] = {}
        """The number of the last attempt that is known of each task."""

    def draw(self) -> Callable[[TaskStore, DueStore], Awaitable[Any]]:
        """The next operation."""
        self.clock.advance(self.chance.choice((0.0, 0.5, 2.0, 20.0)))
        new = self.chance.choices(
            (self._create, self._take, self._make_due, self._complete, self._fail, self._hand_back, self._look, self._end, self._lease),
            (6, 6, 2, 4, 4, 1, 4, 2, 2),
        )[0]
        return new()

    def _task(self) -> int:
        return self.chance.choice(self.ids[-12:]) if self.ids else 0

    def _attempt(self, task_id: int) -> int:
        return self.attempts.get(task_id, 0) + self.chance.choice((0, 0, 0, 0, 0, -1, 1))

    def _slot(self) -> Slot:
        self.runs.append(UUID(int=self.chance.getrandbits(128)))
        return Slot(self.runs[-1], f"worker{self.chance.randrange(3)}")

    def _create(self) -> Any:
        chance, now = self.chance, self.clock()
        self.ids.append(len(self.ids) + 1)
        task = NewTask(
            id=self.ids[-1],
            lane=chance.choice(LANES),
            operations=[b"operation"],
            input_file_ids=[1, 2],
            list_price_millicredits=chance.choice((0, 3000, 7001)),
            expected_outputs=chance.choice((0, 1, 3)),
        )
        deadline = chance.choice((None, None, now + timedelta(seconds=chance.choice((5, 60)))))
        slot, account_id = self._slot(), chance.choice(ACCOUNTS)
        new = NewTasks(
            account_id=account_id,
            tasks=[task],
            max_open=6,
            max_pooled=chance.choice((None, 4)),
            priority=chance.choice((0, 0, 5)),
            max_attempts=chance.choice((1, 3)),
            deadline=deadline,
            deadline_to_start=deadline is not None and chance.random() < 0.5,
            notices=chance.choice(((), (b"notice",))),
            slot=FirstSlot(slot.run_id, slot.worker, now + LEASE, MOST) if chance.random() < 0.5 else None,
        )
        key = chance.choice((None, str(chance.randrange(20))))
        call = IdempotentCall(account_id, "/Create", key, b"digest") if key is not None else None
        return lambda store, _: store.create(new, partial(admit_task, new.tasks), terms=_TERMS, now=now, call=call)

    def _take(self) -> Any:
        lane, now, slots = self.chance.choice(LANES), self.clock(), [self._slot() for _ in range(self.chance.choice((1, 2, 5)))]
        return lambda store, _: store.take(lane, slots, max_running=MOST, lease_until=now + LEASE, now=now)

    def _make_due(self) -> Any:
        lane, now = self.chance.choice(LANES), self.clock()
        return lambda store, _: store.make_due(lane, now=now)

    def _complete(self) -> Any:
        now, done = self.clock(), []
        for task_id in {self._task() for _ in range(self.chance.choice((1, 1, 3)))}:
            outputs = list(range(self.chance.choice((1, 2, 4))))
            copies, unchanged = self.chance.choice((0, 0, 1)), self.chance.choice((0, 0, 1))
            done.append(Completion(task_id, self._attempt(task_id), outputs, copies, [b"done"], unchanged=unchanged))
        return lambda store, _: store.complete(done, now=now)

    def _fail(self) -> Any:
        now, task_id = self.clock(), self._task()
        attempt, allowed = self._attempt(task_id), self.chance.choice((1, 5))
        reason = self.chance.choice((ErrorReason.UNAVAILABLE, ErrorReason.WORKER_LOST))
        again, ended_by = now + timedelta(seconds=self.chance.choice((0, 3))), self.chance.choice((None, now))
        return lambda store, _: store.fail(
            task_id, attempt, reason=reason, message="no", attempts_allowed=allowed, run_at=again, now=now, lease_ended_by=ended_by
        )

    def _hand_back(self) -> Any:
        now, task_id, leased = self.clock(), self._task(), self.chance.choice((None, self.clock() + LEASE))
        attempt, reason = self._attempt(task_id), ErrorReason.UNAVAILABLE
        return lambda store, _: store.hand_back(task_id, attempt, reason=reason, message="back", now=now, leased_until=leased)

    def _lease(self) -> Any:
        now, task_id, runs = self.clock(), self._task(), self.chance.sample(self.runs, min(3, len(self.runs)))
        attempt, until, progress = self._attempt(task_id), now + LEASE, self.chance.choice((0.0, 0.5))
        return self.chance.choice(
            (
                lambda store, _: store.renew(task_id, attempt, lease_until=until, timeout=TIMEOUT),
                lambda store, _: store.renew_leases(runs, lease_until=until, timeout=TIMEOUT),
                lambda store, _: store.progress(
                    task_id, attempt, progress=progress, message="", step=0.01, lease_until=until, timeout=TIMEOUT, now=now
                ),
            )
        )

    def _end(self) -> Any:
        now, task_id, account_id = self.clock(), self._task(), self.chance.choice(ACCOUNTS)
        return self.chance.choice(
            (
                lambda store, _: store.cancel(account_id, task_id, reason=ErrorReason.CANCELLED, message="", now=now),
                lambda store, _: store.expire(task_id, reason=ErrorReason.DEADLINE_EXCEEDED, message="", now=now),
            )
        )

    def _look(self) -> Any:
        now, task_id, attempt, account_id = self.clock(), self._task(), self.chance.randrange(1, 4), self.chance.choice(ACCOUNTS)
        return self.chance.choice(
            (
                lambda _, due: due.read(LANES, events_until=now, now=now),
                lambda store, _: store.lost_attempts(timeout=TIMEOUT, limit=10, now=now),
                lambda store, _: store.lost_before(task_id, attempt),
                lambda store, _: store.overdue(limit=10, now=now),
                lambda store, _: store.has_succeeded(task_id, attempt),
                lambda store, _: store.get(account_id, task_id),
                lambda store, _: store.take_events(limit=3, retry_at=now + LEASE, now=now),
            )
        )

    def learn(self, result: Any) -> None:
        """Remember which attempts there are."""
        for task in _tasks(result):
            self.attempts[task.id] = task.attempt


def _tasks(result: Any) -> Sequence[Task]:
    many = getattr(result, "tasks", result)
    return [each for each in (many if isinstance(many, list) else [many]) if isinstance(each, Task)]


async def _outcome(work: Awaitable[Any]) -> Any:
    """What an operation returns, or refuses; where its order is not defined, sorted."""
    try:
        result = await work
    except DarkroomError as error:
        return type(error), error.reason, error.metadata, getattr(error, "ids", None)
    if isinstance(result, list) and result and not hasattr(result[0], "event"):
        return sorted(result, key=lambda one: getattr(one, "id", 0) or getattr(one, "task_id", 0))
    return [(each.event, each.account_id, each.outbox_events) for each in result] if isinstance(result, list) else result


async def _rows(engine: AsyncEngine, table: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    async with engine.connect() as connection:
        rows = await connection.execute(text(f"SELECT {', '.join(columns)} FROM {table} WHERE true"))
        return sorted(tuple(map(str, row)) for row in rows)


@pytest.mark.parametrize("seed", range(20))
async def test_the_model_does_what_postgresql_does(clean_engine: AsyncEngine, clock: MovableClock, seed: int) -> None:
    model = InstantDatabase()
    stores = [TaskStore(Database(clean_engine)), TaskStore(cast(Database, model))]
    due = [DueStore(Database(clean_engine)), DueStore(cast(Database, model))]
    async with clean_engine.begin() as connection:
        for account_id in ACCOUNTS:
            own = {"max_running": None if account_id == 1 else 2, "weight": float(account_id), "priority_class": account_id // 3}
            row = model.tables.policy(account_id) | own | {"available_millicredits": 100_000}
            model.tables.policies[account_id] = row
            values = ", ".join(f":{name}" for name in _POLICY)
            await connection.execute(text(f"INSERT INTO account_policy ({', '.join(_POLICY)}) VALUES ({values})"), row)
    operations = Operations(seed, clock)
    for number in range(OPERATIONS):
        operation = operations.draw()
        real, modelled = [await _outcome(operation(store, looks)) for store, looks in zip(stores, due, strict=True)]
        assert modelled == real, f"operation {number}"
        operations.learn(real)
    tables = model.tables
    modelled_rows = {
        "account_policy": tables.policies.values(),
        "lane_account": tables.lane_accounts.values(),
        "lane_class": tables.lane_classes.values(),
        "task_attempt": tables.attempts.values(),
        "task_event": tables.events.values(),
        "ledger_entry": [{"task_id": task_id, "kind": kind, **row} for (task_id, kind), row in tables.ledger.items()],
    }
    for table, columns in _TABLES.items():
        modelled_ones = sorted(tuple(str(row[name]) for name in columns) for row in modelled_rows[table])
        assert modelled_ones == await _rows(clean_engine, table, columns), table
