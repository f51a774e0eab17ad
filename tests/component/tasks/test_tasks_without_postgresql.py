"""The running service while PostgreSQL is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.internal.tasks.v1 import attempt_service_pb2 as attempts_pb
from services.platform.database import engine
from services.platform.migrations import migrate
from tests.component.tasks.service import Service, error_of
from tests.component.tasks.workers import worker_on
from tests.stacks import StackUnderTest

ACCOUNT = 7_001
pytestmark = pytest.mark.breaks("postgres")


@pytest.fixture
async def clean_engine(components: StackUnderTest) -> AsyncIterator[AsyncEngine]:
    """A database of a PostgreSQL that no other process uses."""
    await asyncio.to_thread(components.ensure_up, ["postgres"])
    url = await asyncio.to_thread(components.create_database)
    await asyncio.to_thread(migrate, "tasks", url)
    async with engine(url, 5) as made:
        yield made


async def test_without_postgresql_calls_are_refused_as_unavailable_and_work_goes_on_when_it_is_back(
    service: Service, components: StackUnderTest
) -> None:
    me, worker = service.caller(ACCOUNT), service.worker()
    async with service.replica() as replica:
        task = await replica.create(me)
        await replica.started(worker, task.id)
        beat = attempts_pb.HeartbeatRequest(task_id=task.id, attempt=1)
        await asyncio.to_thread(components.stop, "postgres")
        try:
            for call in (replica.create(me), replica.get(me, task.id), replica.attempts.Heartbeat(beat, metadata=worker)):
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await call
                assert error_of(refused.value)[0] == "UNAVAILABLE"
        finally:
            await asyncio.to_thread(components.start, "postgres")
        async with worker_on(replica.attempts, worker) as stream:
            await stream.say(ends=[attempts_pb.AttemptEnd(task_id=task.id, attempt=1, success=attempts_pb.AttemptSuccess())])
            assert await stream.answered(task.id) == {task.id: True}
        later = await replica.create(me)
        assert (await replica.started(worker, later.id)).attempt == 1
