"""The tests of the system on three hosts, in the order in which they run. `test_three_hosts.py` starts them in a network of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2
from tests.cluster.cluster import Cluster


@pytest.fixture(scope="session")
async def cluster(tiny_models: Path) -> AsyncIterator[Cluster]:
    made = Cluster(tiny_models)
    try:
        await asyncio.to_thread(made.up)
        yield made
    finally:
        await asyncio.to_thread(made.close)


async def test_it_works(cluster: Cluster) -> None:
    account = await asyncio.to_thread(cluster.create_account)
    async with AsyncClient(cluster.url, account.api_key) as client:
        task = await client.create_task([], [operation_pb2.Operation(noop=noop_pb2.Noop(steps=1, step_milliseconds=1))])
        assert (await client.wait(task.id)).state == task_pb2.TASK_STATE_SUCCEEDED
