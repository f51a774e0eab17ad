"""What becomes of a call in flight when its server ends."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from darkroom.internal.tasks.v1 import attempt_service_pb2_grpc
from services.platform.rpc.interceptor import Context
from services.platform.rpc.server import Mount, listening
from tests.unit.platform.keys import Keys


class Slow(attempt_service_pb2_grpc.AttemptServiceServicer):
    """Answers when it is let."""

    def __init__(self) -> None:
        self.called, self.go_on = asyncio.Event(), asyncio.Event()

    async def LookupTasks(  # noqa: N802 - gRPC's name
        self, request: pb.LookupTasksRequest, context: Context
    ) -> pb.LookupTasksResponse:
        self.called.set()
        await self.go_on.wait()
        return pb.LookupTasksResponse(tasks=[pb.TaskStanding(task_id=task_id) for task_id in request.task_ids])


@pytest.mark.parametrize("drain_seconds", [60.0, 0.0])
async def test_a_call_in_flight_has_the_time_that_the_settings_give_it(tmp_path: Path, drain_seconds: float) -> None:
    keys, slow, address = Keys(tmp_path), Slow(), f"unix:{tmp_path}/slow.sock"
    mount = Mount(slow)
    metadata = keys.signer("files").service_metadata()
    async with AsyncExitStack() as server, grpc.aio.insecure_channel(address, (("grpc.default_authority", "tasks"),)) as channel:
        await server.enter_async_context(listening("internal", address, [mount], keys.verifier(), drain_seconds=drain_seconds))
        stub = attempt_service_pb2_grpc.AttemptServiceStub(channel)
        call = stub.LookupTasks(pb.LookupTasksRequest(task_ids=[7]), metadata=metadata, timeout=60)
        await slow.called.wait()
        ending = asyncio.create_task(server.aclose())
        if drain_seconds == 0:
            await ending
            with pytest.raises(grpc.aio.AioRpcError):
                await call
            return
        async with asyncio.timeout(30):
            while True:
                try:
                    await stub.LookupTasks(pb.LookupTasksRequest(task_ids=[8]), metadata=metadata, timeout=1)
                except grpc.aio.AioRpcError as error:
                    if error.code() is grpc.StatusCode.UNAVAILABLE:
                        break
        slow.go_on.set()
        assert [task.task_id for task in (await call).tasks] == [7]
        await ending
