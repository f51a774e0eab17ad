"""Batches in a state that a test needs, brought there by the real statements."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.errors import ErrorReason
from services.tasks.domain.batches.admission import admit_all
from services.tasks.domain.batches.records import NewBatch, NewItem
from services.tasks.domain.records import CreditTerms
from services.tasks.store.batches import BatchStore
from services.tasks.store.models import Task
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT, PRICE, UNLIMITED


class Batches:
    """A store with shortcuts."""

    def __init__(self, store: BatchStore, clock: MovableClock) -> None:
        self.store, self.clock = store, clock

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
        batch_id, *ids = await self.store.next_ids(1 + tasks)
        new = NewBatch(
            id=batch_id,
            account_id=account_id,
            priority=0,
            trace_id="trace",
            max_attempts=5,
            deadline=None,
            webhook_url=webhook_url,
        )
        items = [
            NewItem(
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
        return await self.store.create(
            new, lambda account: (admit_all(items, account), ()), max_open=max_open, terms=terms, now=self.clock(), call=None
        )

    async def cancel(self, batch_id: int | None, account_id: int = ACCOUNT) -> list[Task]:
        assert batch_id is not None
        return await self.store.cancel(account_id, batch_id, reason=ErrorReason.CANCELLED, message="Cancelled.", now=self.clock())
