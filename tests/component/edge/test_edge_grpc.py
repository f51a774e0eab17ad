"""Native gRPC through the edge."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from darkroom.accounts.v1 import accounts_service_pb2, accounts_service_pb2_grpc
from darkroom.internal.tasks.v1 import attempt_service_pb2, attempt_service_pb2_grpc
from darkroom.rest.v1 import tasks_pb2, tasks_pb2_grpc
from darkroom.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc
from services.platform.errors import ErrorReason, from_rpc
from tests.component.edge.conftest import Edge

Metadata = tuple[tuple[str, str], ...]


@pytest.fixture
async def channel(edge: Edge) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(edge.target) as opened:
        yield opened


@pytest.fixture
def key(edge: Edge) -> Metadata:
    return (("authorization", f"Bearer {edge.account.api_key}"),)


async def test_unary_call_and_its_error(edge: Edge, channel: grpc.aio.Channel, key: Metadata) -> None:
    tasks = tasks_service_pb2_grpc.TasksServiceStub(channel)
    reply = await tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=5), metadata=key)
    assert reply.task.id == 5
    assert "authorization" not in edge.upstream.metadata
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=404), metadata=key)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert from_rpc(caught.value).reason is ErrorReason.TASK_NOT_FOUND


@pytest.mark.parametrize("metadata", [(), (("x-api-key", "wrong"),), (("x-darkroom-identity", "spoofed"),)])
async def test_refusal(edge: Edge, channel: grpc.aio.Channel, metadata: Metadata) -> None:
    tasks = tasks_service_pb2_grpc.TasksServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=5), metadata=metadata)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert str(caught.value.details()).startswith(("Invalid token", "No API key was sent."))
    assert from_rpc(caught.value).reason is ErrorReason.API_KEY_INVALID
    assert edge.upstream.calls == 0


async def test_stream_ends_upstream_when_the_client_goes(edge: Edge, channel: grpc.aio.Channel, key: Metadata) -> None:
    watch = tasks_service_pb2_grpc.TasksServiceStub(channel).WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=1), metadata=key)
    assert (await watch.read()).event.sequence == 1  # type: ignore[attr-defined]  # or the end of the stream
    watch.cancel()
    async with asyncio.timeout(60):
        await edge.upstream.watch_ended.wait()


async def test_accounts_is_reached(edge: Edge, channel: grpc.aio.Channel, key: Metadata) -> None:
    accounts = accounts_service_pb2_grpc.AccountsServiceStub(channel)
    reply = await accounts.GetAccount(accounts_service_pb2.GetAccountRequest(), metadata=key)
    assert str(reply.account.id) == edge.account.id


async def test_internal_services_have_no_route(edge: Edge, channel: grpc.aio.Channel, key: Metadata) -> None:
    attempts = attempt_service_pb2_grpc.AttemptServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await attempts.Heartbeat(attempt_service_pb2.HeartbeatRequest(), metadata=key)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert from_rpc(caught.value).reason is ErrorReason.ROUTE_NOT_FOUND


async def test_compatibility_services_are_json_only(edge: Edge, channel: grpc.aio.Channel, key: Metadata) -> None:
    tasks = tasks_pb2_grpc.TasksServiceStub(channel)
    spoofed = (*key, ("x-envoy-original-path", "/v1/tasks/1/status"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tasks.GetTaskStatus(tasks_pb2.GetTaskStatusRequest(id="1"), metadata=spoofed)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert edge.upstream.calls == 0


@pytest.mark.parametrize(
    "path",
    ["/darkroom.tasks.v1.TasksService/GetTask", "/darkroom.internal.tasks.v1.AttemptService/Heartbeat", "/grpc.health.v1.Health/Check"],
)
async def test_json_on_a_grpc_path_is_not_found(edge: Edge, http: httpx.AsyncClient, path: str) -> None:
    reply = await http.post(path, headers={**edge.headers, "content-type": "application/json"}, content="{}")
    assert (reply.status_code, reply.json()["error"]["reason"]) == (404, "ROUTE_NOT_FOUND")
    assert edge.upstream.calls == 0


async def test_request_that_is_too_large(edge: Edge, channel: grpc.aio.Channel, key: Metadata) -> None:
    tasks = tasks_service_pb2_grpc.TasksServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await tasks.ListTasks(tasks_service_pb2.ListTasksRequest(page_token="x" * 1024**2), metadata=key)
    assert from_rpc(caught.value).reason is ErrorReason.BODY_TOO_LARGE


async def test_health_needs_no_key(channel: grpc.aio.Channel, key: Metadata) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    reply = await health.Check(health_pb2.HealthCheckRequest())
    assert reply.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(health.Watch(health_pb2.HealthCheckRequest())))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    watch = health.Watch(health_pb2.HealthCheckRequest(), metadata=key)
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


async def test_reflection_with_a_key(channel: grpc.aio.Channel, key: Metadata) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = [reflection_pb2.ServerReflectionRequest(list_services="")]
    replies = [reply async for reply in stub.ServerReflectionInfo(iter(asked), metadata=key)]
    names = {service.name for service in replies[0].list_services_response.service}
    assert "darkroom.tasks.v1.TasksService" in names
    assert not [name for name in names if "internal" in name]
    # Nothing is written: a refusal that overtakes a message has the code INTERNAL in the client.
    assert await stub.ServerReflectionInfo().code() is grpc.StatusCode.UNAUTHENTICATED
