"""procrastinate (https://procrastinate.readthedocs.io), with the settings from its documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

import procrastinate
from procrastinate.tasks import Task

_UNFINISHED = "SELECT count(*) AS jobs FROM procrastinate_jobs WHERE status <> 'succeeded'"


class Procrastinate:
    """The queue."""

    version = version("procrastinate")

    def __init__(self, app: procrastinate.App, task: Task) -> None:
        self._app, self._task = app, task

    async def add(self) -> int:
        """Store one job."""
        return int(await self._task.defer_async())

    async def add_many(self, count: int) -> Sequence[int]:
        """Store jobs with one call."""
        return await self._task.batch_defer_async(*({} for _ in range(count)))

    async def count_unfinished(self) -> int:
        """Number of jobs that have not succeeded."""
        return int((await self._app.connector.execute_query_one_async(_UNFINISHED))["jobs"])


@asynccontextmanager
async def open_queue(address: str, workers: int, began: Callable[[int], None]) -> AsyncIterator[Procrastinate]:
    """Install the tables and run a worker."""
    connector = procrastinate.PsycopgConnector(conninfo=address, min_size=4, max_size=20)
    app = procrastinate.App(connector=connector)

    @app.task(name="nothing", pass_context=True)
    async def nothing(context: procrastinate.JobContext) -> None:
        began(context.job.id)

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        working = asyncio.create_task(app.run_worker_async(concurrency=workers, install_signal_handlers=False))
        try:
            yield Procrastinate(app, nothing)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
