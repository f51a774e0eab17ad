"""The trace of a task whose worker was killed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import grpc
import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2, tasks_service_pb2_grpc
from tests.collector import Collector, Seen
from tests.stacks import Account, StackUnderTest
from tests.system.test_traces import TASKS, WORKER, one, trace_parent

NOOP = operation_pb2.Operation(noop=noop_pb2.Noop(steps=20, step_milliseconds=100))


@pytest.mark.thorough
async def test_a_second_attempt_after_a_lost_worker_is_in_the_same_trace(
    native: AsyncClient, account: Account, collector: Collector, stack: StackUnderTest
) -> None:
    parent, trace = trace_parent(sampled=True)
    request = tasks_service_pb2.CreateTaskRequest(operations=[NOOP])
    metadata = (("authorization", f"Bearer {account.api_key}"), ("traceparent", parent))
    async with grpc.aio.insecure_channel(stack.url.removeprefix("http://")) as channel:
        task = (await tasks_service_pb2_grpc.TasksServiceStub(channel).CreateTask(request, metadata=metadata)).task
    async for event in native.watch(task.id):
        if event.state == task_pb2.TASK_STATE_RUNNING:
            break
    await asyncio.to_thread(stack.kill, "inference")
    assert (await native.wait(task.id)).attempt == 2

    def complete(found: Sequence[Seen]) -> bool:
        return "process system" in [span.name for span in found]

    spans = await asyncio.to_thread(partial(collector.of, trace, complete))
    again = one(spans, WORKER, "process system")
    assert again.attributes["darkroom.attempt"] == "2"
    # The spans of the first attempt died with its worker.
    assert again.parent == one(spans, TASKS, "darkroom.tasks.v1.TasksService/CreateTask").id
