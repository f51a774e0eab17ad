"""Tasks that wait for as long as a test needs them to, while other accounts' go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.platform.database import open_database
from services.tasks.model.records import PolicyChange
from services.tasks.store.policies import PolicyStore
from tests.stacks import Account, StackUnderTest


@asynccontextmanager
async def held(stack: StackUnderTest, account: Account) -> AsyncIterator[None]:
    """Within it no task of the account begins, by the operator's limit."""
    await _limit(stack, account, 0)
    try:
        yield
    finally:
        await released(stack, account)


async def released(stack: StackUnderTest, account: Account) -> None:
    """Let the account's tasks begin."""
    await _limit(stack, account, None)


async def _limit(stack: StackUnderTest, account: Account, running: int | None) -> None:
    # What the command `policy` does, without its start-up time.
    async with open_database(stack.database_url("tasks"), pool=1) as database:
        await PolicyStore(database).change(int(account.id), PolicyChange(max_running=running))
