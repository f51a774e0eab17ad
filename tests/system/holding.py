"""Tasks that wait for as long as a test needs them to, while other accounts' go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.stacks import Account, StackUnderTest


@asynccontextmanager
async def held(stack: StackUnderTest, account: Account) -> AsyncIterator[None]:
    """Within it no task of the account begins, by the operator's limit."""
    await _limit(stack, account, "0")
    try:
        yield
    finally:
        await _limit(stack, account, "default")


async def _limit(stack: StackUnderTest, account: Account, running: str) -> None:
    await asyncio.to_thread(stack.admin, "tasks", "policy", "--account", account.id, "--max-running", running)
