"""Batches in a state that a test needs, brought there by the real statements."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.database import Database
from services.platform.errors import ErrorReason
from services.tasks.domain.acceptance.admission import admit_all
from services.tasks.model import Task
from services.tasks.model.records import CreditTerms, NewTask, NewTasks
from services.tasks.store.batches import BatchStore
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT, PRICE, UNLIMITED


class Batches:
    """The stores with shortcuts."""

    def __init__(self, engine: AsyncEngine, clock: MovableClock) -> None:
        self.store, self._tasks, self.clock = BatchStore(Database(engine)), TaskStore(Database(engine)), clock

    async def create(
        self,
        tasks: int,
        *,
        account_id: int = ACCOUNT,
        lanes: Sequence[str] = ("system",),
        price: int = PRICE,
        terms: CreditTerms = UNLIMITED,
        max_open: int = 1000,
        webhook_url: str | None = None,
    ) -> list[Task]:
        """The tasks of a new batch, one input each, on the lanes in turn."""
        batch_id, *ids = await self._tasks.next_ids(1 + tasks)
        items = [
            NewTask(
                id=task_id,
                index=index,
                lane=lanes[index % len(lanes)],
                operations=[b"\x22\x00"],
                input_file_ids=[index, index + 1],
                list_price_millicredits=price,
                expected_outputs=1,
            )
            for index, task_id in enumerate(ids)
        ]
        new = NewTasks(
            account_id=account_id,
            tasks=items,
            max_open=max_open,
            batch_id=batch_id,
            trace_id="trace",
            max_attempts=5,
            webhook_url=webhook_url,
        )
        return await self._tasks.create(new, partial(admit_all, items), terms=terms, now=self.clock())

    async def cancel(self, batch_id: int | None, account_id: int = ACCOUNT) -> list[Task]:
        assert batch_id is not None
        return await self.store.cancel(account_id, batch_id, reason=ErrorReason.CANCELLED, message="Cancelled.", now=self.clock())
