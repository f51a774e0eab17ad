"""The store of tasks behind PgBouncer, with three connections to PostgreSQL for two replicas that have more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from services.platform.database import open_database
from services.platform.database_address import DatabaseAddress
from services.platform.migrations import migrate
from services.tasks.model.state import TaskState
from services.tasks.store.tasks import TaskStore
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT, Scene
from tests.harness.postgres_servers import HOST, PGBOUNCER, WITHOUT_PGBOUNCER, pgbouncer, postgres_servers
from tests.stacks import StackUnderTest

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason=WITHOUT_PGBOUNCER)
_TASKS = 60


@pytest.fixture
async def replicas(postgres: StackUnderTest, clock: MovableClock) -> AsyncIterator[list[Scene]]:
    async with AsyncExitStack() as parts:
        [server] = await parts.enter_async_context(postgres_servers(postgres, 1))
        port = await parts.enter_async_context(pgbouncer(server, connections=3))
        address = DatabaseAddress.parse(f"postgresql+asyncpg://darkroom@{HOST}:{port}/postgres", pooler="transaction")
        await asyncio.to_thread(migrate, "tasks", address)
        yield [Scene(TaskStore(await parts.enter_async_context(open_database(address, 10))), clock) for _ in range(2)]


@pytest.mark.thorough
async def test_tasks_are_created_taken_and_ended_once_each(replicas: list[Scene]) -> None:
    async with asyncio.timeout(120):
        created = await asyncio.gather(*(replicas[number % 2].create() for number in range(_TASKS)))
        taken = [task for batch in await asyncio.gather(*(scene.take(4) for _ in range(10) for scene in replicas)) for task in batch]
        assert sorted(task.id for task in taken) == sorted(task.id for task in created)
        # Each end is asked for at both, and told once.
        ends = await asyncio.gather(*(scene.complete(task) for task in taken for scene in replicas))
        assert sum(end is not None for end in ends) == _TASKS
        found = await replicas[0].store.page(ACCOUNT, states=[TaskState.SUCCEEDED], before_id=10**15, limit=1000)
        assert len(found) == _TASKS
