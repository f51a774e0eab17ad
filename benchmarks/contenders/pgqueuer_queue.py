"""pgqueuer (https://pgqueuer.readthedocs.io), on asyncpg and with all its tables logged, which is its default."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

import asyncpg
from pgqueuer import AsyncpgPoolDriver, Job, Queries, QueueManager

_NAME = "nothing"


class PgQueuer:
    """The queue."""

    version = version("pgqueuer")

    def __init__(self, manager: QueueManager, pool: asyncpg.Pool) -> None:
        self._manager, self._pool = manager, pool

    async def add(self) -> int:
        """Store one job."""
        [job_id] = await self._manager.queries.enqueue(_NAME, None)
        return int(job_id)

    async def add_many(self, count: int) -> Sequence[int]:
        """Store jobs with one call."""
        return [int(job_id) for job_id in await self._manager.queries.enqueue([_NAME] * count, [None] * count, [0] * count)]

    async def count_unfinished(self) -> int:
        """Number of jobs that have not succeeded; those that have are moved to the log."""
        return int(await self._pool.fetchval("SELECT count(*) FROM pgqueuer"))


@asynccontextmanager
async def open_queue(address: str, workers: int, began: Callable[[int], None]) -> AsyncIterator[PgQueuer]:
    """Install the tables and run a worker that fetches as many jobs at a time as it runs."""
    async with asyncpg.create_pool(address, min_size=4, max_size=20) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await queries.install()
        manager = QueueManager(queries)

        @manager.entrypoint(_NAME)
        async def nothing(job: Job) -> None:
            began(int(job.id))

        working = asyncio.create_task(manager.run(batch_size=workers))
        try:
            yield PgQueuer(manager, pool)
        finally:
            manager.shutdown.set()
            with suppress(asyncio.CancelledError, TimeoutError):
                async with asyncio.timeout(10):
                    await working
