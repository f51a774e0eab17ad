"""Calls within a process are as they are over the network: each test that can makes them in both ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path
from typing import Any

import grpc
import pytest

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from darkroom.internal.tasks.v1 import attempt_service_pb2_grpc
from services.platform import log
from services.platform.errors import DarkroomError, ErrorReason, from_rpc
from services.platform.identity import Identity, current_identity, set_identity
from services.platform.rpc.channel import Caller, channel
from services.platform.rpc.interceptor import Context
from services.platform.rpc.local import hosting
from services.platform.rpc.local_channel import LocalChannel
from services.platform.rpc.server import Mount, listening
from services.platform.rpc.trace import current_trace_id, set_trace_id
from tests.unit.platform.keys import Keys

Serve = Callable[[pb.LookupTasksRequest, Context], Coroutine[Any, Any, pb.LookupTasksResponse]]
ASKED = pb.LookupTasksRequest(task_ids=[7])


class Attempts(attempt_service_pb2_grpc.AttemptServiceServicer):
    """Serves as the test says."""

    def __init__(self) -> None:
        self.serve: Serve = self.echo

    async def echo(self, request: pb.LookupTasksRequest, context: Context) -> pb.LookupTasksResponse:
        await context.send_initial_metadata((("x-first", "1"),))
        context.set_trailing_metadata((("x-last", "2"),))
        return pb.LookupTasksResponse(tasks=[pb.TaskStanding(task_id=task_id) for task_id in request.task_ids])

    async def LookupTasks(  # noqa: N802 - gRPC's name
        self, request: pb.LookupTasksRequest, context: Context
    ) -> pb.LookupTasksResponse:
        return await self.serve(request, context)


class Scene:
    """A servicer, the listener that may serve it, and a caller."""

    def __init__(self, folder: Path) -> None:
        self.keys = Keys(folder)
        self.caller = Caller(self.keys.signer("files"))
        self.servicer = Attempts()
        self.address = f"unix:{folder}/tasks.sock"
        self.stack = AsyncExitStack()
        self.server = AsyncExitStack()
        self.channel: grpc.aio.Channel

    async def open(self, drain_seconds: float = 5.0) -> None:
        verifier = self.keys.verifier()
        await self.server.enter_async_context(
            listening("internal", self.address, [Mount(self.servicer)], verifier, drain_seconds=drain_seconds)
        )

    def lookup(self, request: pb.LookupTasksRequest = ASKED, timeout: float = 20.0, **options: Any) -> Any:
        stub = attempt_service_pb2_grpc.AttemptServiceStub(self.channel)
        return stub.LookupTasks(request, metadata=self.caller.on_behalf_of(5), timeout=timeout, **options)


async def scenes(tmp_path: Path, *, local: bool, repeats: bool) -> AsyncIterator[Scene]:
    scene = Scene(tmp_path)
    async with scene.stack as stack:
        stack.enter_context(hosting([scene.address]) if local else nullcontext())
        await stack.enter_async_context(scene.server)
        scene.channel = await stack.enter_async_context(channel(scene.address, "tasks", repeats=repeats))
        assert isinstance(scene.channel, LocalChannel) == local
        yield scene


@pytest.fixture(params=["network", "local"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    async for made in scenes(tmp_path, local=request.param == "local", repeats=False):
        await made.open()
        yield made


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[Scene]:
    """Local, repeats calls, and is not open yet."""
    async for made in scenes(tmp_path, local=True, repeats=True):
        yield made


async def test_a_reply_has_metadata_before_and_after_it(scene: Scene) -> None:
    call = scene.lookup()
    assert [one.task_id for one in (await call).tasks] == [7]
    assert dict(await call.initial_metadata())["x-first"] == "1"
    assert dict(await call.trailing_metadata())["x-last"] == "2"
    assert await call.code() is grpc.StatusCode.OK


async def test_nothing_but_the_metadata_crosses_over(scene: Scene) -> None:
    found: list[object] = []

    async def look(request: pb.LookupTasksRequest, context: Context) -> pb.LookupTasksResponse:
        found.extend((current_identity().account_id, current_identity().service, current_trace_id(), log.bound_values().get("task_id")))
        request.task_ids.append(8)
        set_trace_id("another")
        return pb.LookupTasksResponse()

    async def ask() -> None:
        set_identity(Identity(account_id=1, scopes=frozenset({"tasks:read"})))
        set_trace_id("trace-1")
        with log.bind(task_id=3):
            await scene.lookup(asked)
        assert (current_identity().account_id, current_trace_id(), "caller" in log.bound_values()) == (1, "trace-1", False)

    asked = pb.LookupTasksRequest(task_ids=[7])
    scene.servicer.serve = look
    await asyncio.create_task(ask())
    assert (found, [*asked.task_ids]) == ([5, "files", "trace-1", None], [7])


async def test_an_error_arrives_with_its_reason_and_details(scene: Scene) -> None:
    async def fail(request: pb.LookupTasksRequest, context: Context) -> pb.LookupTasksResponse:
        raise DarkroomError(ErrorReason.FILE_NOT_FOUND, "No such file.", field="task_ids", metadata={"file_id": "9"})

    scene.servicer.serve = fail
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await scene.lookup()
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.NOT_FOUND, "No such file.")
    error = from_rpc(raised.value)
    assert (error.reason, error.field, error.metadata) == (ErrorReason.FILE_NOT_FOUND, "task_ids", {"file_id": "9"})


async def test_a_caller_is_known_by_its_token(scene: Scene) -> None:
    scene.caller = Caller(scene.keys.signer("nobody", trusted=False))
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await scene.lookup()
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("way", ["deadline", "cancel", "cancelled caller"])
async def test_a_call_that_its_caller_ends_ends_for_the_servicer(scene: Scene, way: str) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def wait(request: pb.LookupTasksRequest, context: Context) -> pb.LookupTasksResponse:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError("it waits for ever")

    scene.servicer.serve = wait
    if way == "deadline":
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await scene.lookup(timeout=0.1)
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    else:
        call = scene.lookup()
        waiting = asyncio.ensure_future(call) if way == "cancelled caller" else call
        await begun.wait()
        assert waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await call.code() is grpc.StatusCode.CANCELLED
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_request_that_is_too_large_is_refused(scene: Scene) -> None:
    large = pb.LookupTasksRequest(task_ids=[1 << 60] * 500_000)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await scene.lookup(large)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_method_that_nobody_serves_is_unimplemented(scene: Scene) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await scene.channel.unary_unary("/darkroom.internal.tasks.v1.AttemptService/Invented")(b"", timeout=5)
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_call_waits_for_a_listener_that_opens_later(closed: Scene) -> None:
    patient, repeated = closed.lookup(wait_for_ready=True), closed.lookup()
    with pytest.raises(grpc.aio.AioRpcError):
        await closed.lookup(wait_for_ready=True, timeout=0.01)
    await closed.open()
    assert [(await call).tasks[0].task_id for call in (patient, repeated)] == [7, 7]
    await closed.channel.channel_ready()


async def test_an_unavailable_service_is_asked_again(closed: Scene) -> None:
    errors = [DarkroomError(ErrorReason.UNAVAILABLE, "Not now."), DarkroomError(ErrorReason.FILE_NOT_FOUND, "No such file.")]
    traces: list[str] = []

    async def fail(request: pb.LookupTasksRequest, context: Context) -> pb.LookupTasksResponse:
        traces.append(current_trace_id())
        raise errors[len(traces) - 1]

    closed.servicer.serve = fail
    await closed.open()
    with pytest.raises(grpc.aio.AioRpcError, match="No such file"):
        await closed.lookup()
    assert len(traces) == 2


@pytest.mark.parametrize("drain_seconds", [60.0, 0.0])
async def test_a_call_in_flight_has_its_time_when_the_listener_closes(closed: Scene, drain_seconds: float) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(request: pb.LookupTasksRequest, context: Context) -> pb.LookupTasksResponse:
        begun.set()
        await go_on.wait()
        return await closed.servicer.echo(request, context)

    closed.servicer.serve = wait
    await closed.open(drain_seconds)
    call = closed.lookup()
    await begun.wait()
    ending = asyncio.create_task(closed.server.aclose())
    while closed.channel.get_state() is grpc.ChannelConnectivity.READY:
        await asyncio.sleep(0)
    with pytest.raises(grpc.aio.AioRpcError, match="is closed"):
        await closed.lookup()
    if drain_seconds:
        go_on.set()
        assert [one.task_id for one in (await call).tasks] == [7]
    else:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    await ending
