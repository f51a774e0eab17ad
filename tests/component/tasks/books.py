"""An account's books, for tests that check them."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.clock import Clock
from services.platform.database import Database
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.model import LedgerEntry, LedgerKind
from services.tasks.store.ledger import LedgerStore
from tests.component.tasks.scene import ACCOUNT, ENFORCED

_TASKS = text("""
SELECT id, end_time IS NOT NULL AS ended, state, reserved_millicredits, charged_millicredits
FROM task WHERE account_id = ANY(:account_ids)
""")


class Books(Ledger):
    """The ledger with shortcuts. Accounts without terms of their own need a balance."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        super().__init__(LedgerStore(Database(engine)), ENFORCED, clock)
        self._engine = engine

    async def have(self, amount: int, account_id: int = ACCOUNT) -> None:
        """Grant thousandths of a credit."""
        await self.grant(account_id, amount_millicredits=amount, note="", reference=None)

    async def state(self, account_id: int = ACCOUNT) -> tuple[int, int]:
        """Available and reserved."""
        balance = await self.balance(account_id)
        return balance.available_millicredits, balance.reserved_millicredits

    async def entries(self, account_id: int = ACCOUNT) -> list[LedgerEntry]:
        """All entries, oldest first."""
        found: list[LedgerEntry] = []
        token = ""
        while True:
            page = await self.page(account_id, size=1000, token=token)
            found += page.entries
            token = page.next_page_token
            if not token:
                return found[::-1]

    async def of(self, task_id: int, account_id: int = ACCOUNT) -> list[tuple[LedgerKind, int]]:
        """Kinds and amounts of a task's entries, in order."""
        return [(entry.kind, entry.amount_millicredits) for entry in await self.entries(account_id) if entry.task_id == task_id]

    async def assert_right(self, *account_ids: int) -> None:
        """The balance of each account is the sum of its ledger, and every task's entries are what became of it."""
        tasks: dict[int, Counter[LedgerKind]] = {}
        for account_id in account_ids:
            available = reserved = 0
            for entry in await self.entries(account_id):
                if entry.task_id is not None:
                    tasks.setdefault(entry.task_id, Counter())[entry.kind] += entry.amount_millicredits
                if not entry.unlimited:
                    available += _AVAILABLE[entry.kind] * entry.amount_millicredits
                    reserved += _RESERVED[entry.kind] * entry.amount_millicredits
            assert await self.state(account_id) == (available, reserved), account_id
        async with self._engine.connect() as connection:
            for task in await connection.execute(_TASKS, {"account_ids": list(account_ids)}):
                amounts = tasks.pop(task.id, Counter[LedgerKind]())
                assert amounts[LedgerKind.RESERVE] == task.reserved_millicredits, task
                assert amounts[LedgerKind.SETTLE] == task.charged_millicredits, task
                assert (task.charged_millicredits > 0) <= (task.state == "SUCCEEDED"), task
                spent_or_released = amounts[LedgerKind.SETTLE] + amounts[LedgerKind.RELEASE]
                assert spent_or_released == (task.reserved_millicredits if task.ended else 0), task
        assert tasks == {}


_AVAILABLE = {LedgerKind.GRANT: 1, LedgerKind.REFUND: 1, LedgerKind.RELEASE: 1, LedgerKind.RESERVE: -1, LedgerKind.SETTLE: 0}
_RESERVED = {LedgerKind.GRANT: 0, LedgerKind.REFUND: 0, LedgerKind.RELEASE: -1, LedgerKind.RESERVE: 1, LedgerKind.SETTLE: -1}
