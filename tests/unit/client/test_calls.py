# ruff: noqa: N802 - methods are named by the protos
"""Calls to a server that is slow, busy, away, or breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest

from darkroom import AsyncClient, Backoff, ConnectionFailed, RateLimited, TaskFailed, Unavailable
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2, tasks_service_pb2_grpc, webhooks_service_pb2, webhooks_service_pb2_grpc
from services.platform.errors import DarkroomError, ErrorReason

Context = grpc.aio.ServicerContext[Any, Any]
STATES = (task_pb2.TASK_STATE_QUEUED, task_pb2.TASK_STATE_RUNNING, task_pb2.TASK_STATE_RUNNING, task_pb2.TASK_STATE_SUCCEEDED)


class Server(tasks_service_pb2_grpc.TasksServiceServicer, webhooks_service_pb2_grpc.WebhooksServiceServicer):
    """Answers as it is told: each failure is used up by one call."""

    def __init__(self) -> None:
        self.failures: list[DarkroomError] = []
        self.keys: list[str] = []
        self.watched: list[int] = []
        self.pages: list[tuple[int, str]] = []
        self.slow = False
        self.early = 0

    async def _meet(self, context: Context) -> None:
        self.keys.append(dict(context.invocation_metadata() or ()).get("idempotency-key", ""))
        if self.slow:
            await asyncio.Event().wait()
        if self.failures:
            error = self.failures.pop(0)
            context.set_trailing_metadata(error.trailers())
            await context.abort(error.grpc_code, error.message)

    async def CreateTask(self, request: tasks_service_pb2.CreateTaskRequest, context: Context) -> tasks_service_pb2.CreateTaskResponse:
        await self._meet(context)
        return tasks_service_pb2.CreateTaskResponse(task=task_pb2.Task(id=7))

    async def GetTask(self, request: tasks_service_pb2.GetTaskRequest, context: Context) -> tasks_service_pb2.GetTaskResponse:
        await self._meet(context)
        state = task_pb2.TASK_STATE_SUCCEEDED
        if self.early:
            # As a server that shuts down, or after a minute.
            self.early, state = self.early - 1, task_pb2.TASK_STATE_RUNNING
        return tasks_service_pb2.GetTaskResponse(task=task_pb2.Task(id=request.task_id, state=state))

    async def ListTasks(self, request: tasks_service_pb2.ListTasksRequest, context: Context) -> tasks_service_pb2.ListTasksResponse:
        self.pages.append((request.page_size, request.page_token))
        start = int(request.page_token or 0)
        end = min(start + min(request.page_size, 3), 8)
        tasks = [task_pb2.Task(id=number) for number in range(start, end)]
        return tasks_service_pb2.ListTasksResponse(tasks=tasks, next_page_token=str(end) if end < 8 else "")

    async def WatchTask(
        self, request: tasks_service_pb2.WatchTaskRequest, context: Context
    ) -> AsyncIterator[tasks_service_pb2.WatchTaskResponse]:
        self.watched.append(request.after_sequence)
        for sequence in range(request.after_sequence + 1, len(STATES) + 1):
            # One event a connection, until the last two.
            if sequence > request.after_sequence + 1 and sequence < len(STATES):
                await context.abort(grpc.StatusCode.UNAVAILABLE, "going down")
            event = task_pb2.TaskEvent(task_id=request.task_id, sequence=sequence, state=STATES[sequence - 1])
            yield tasks_service_pb2.WatchTaskResponse(event=event)

    async def CreateWebhook(self, request: Any, context: Context) -> webhooks_service_pb2.CreateWebhookResponse:
        await self._meet(context)
        return webhooks_service_pb2.CreateWebhookResponse()

    async def RotateWebhookSecret(self, request: Any, context: Context) -> webhooks_service_pb2.RotateWebhookSecretResponse:
        await self._meet(context)
        return webhooks_service_pb2.RotateWebhookSecretResponse()

    async def ReplayWebhookDelivery(self, request: Any, context: Context) -> webhooks_service_pb2.ReplayWebhookDeliveryResponse:
        await self._meet(context)
        return webhooks_service_pb2.ReplayWebhookDeliveryResponse()

    async def SendTestWebhook(self, request: Any, context: Context) -> webhooks_service_pb2.SendTestWebhookResponse:
        await self._meet(context)
        return webhooks_service_pb2.SendTestWebhookResponse()


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncClient]:
    listening = grpc.aio.server()
    tasks_service_pb2_grpc.add_TasksServiceServicer_to_server(server, listening)
    webhooks_service_pb2_grpc.add_WebhooksServiceServicer_to_server(server, listening)
    port = listening.add_insecure_port("127.0.0.1:0")
    await listening.start()
    async with AsyncClient(f"http://127.0.0.1:{port}", "key", backoff=Backoff(attempts=3, first_seconds=0.001)) as made:
        yield made
    await listening.stop(None)


def away() -> DarkroomError:
    return DarkroomError(ErrorReason.UNAVAILABLE, "Files are away.", retry_after=None)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client waited, without waiting."""
    waited: list[float] = []
    sleep = asyncio.sleep

    async def briefly(seconds: float) -> None:
        waited.append(seconds)
        await sleep(0)

    monkeypatch.setattr("darkroom.backoff.asyncio.sleep", briefly)
    return waited


async def test_what_fails_on_the_way_is_called_again_under_the_same_key(client: AsyncClient, server: Server) -> None:
    server.failures = [away(), DarkroomError(ErrorReason.IDEMPOTENCY_IN_PROGRESS, "Still at it.")]
    assert (await client.create_task([], [])).id == 7
    assert len(server.keys) == 3
    assert len(set(server.keys)) == 1
    assert server.keys[0]


async def test_a_key_of_the_callers_own_is_the_one_that_is_sent(client: AsyncClient, server: Server) -> None:
    await client.create_task([], [], idempotency_key="mine")
    assert server.keys == ["mine"]


async def test_a_part_that_stays_away_is_told(client: AsyncClient, server: Server) -> None:
    server.failures = [away() for _ in range(3)]
    with pytest.raises(Unavailable, match="Files are away"):
        await client.get_task(1)
    assert len(server.keys) == 3


async def test_a_busy_server_is_given_the_time_that_it_asks_for(client: AsyncClient, server: Server, pauses: list[float]) -> None:
    server.failures = [DarkroomError(ErrorReason.RATE_LIMITED, "Slower.", retry_after=11)]
    await client.get_task(1)
    assert pauses == [11]


async def test_a_server_that_asks_for_an_hour_is_not_waited_for(client: AsyncClient, server: Server, pauses: list[float]) -> None:
    server.failures = [DarkroomError(ErrorReason.RATE_LIMITED, "Later.", retry_after=3600)]
    with pytest.raises(RateLimited) as caught:
        await client.get_task(1)
    assert (caught.value.retry_after, pauses) == (3600, [])


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.webhooks.create("https://example.com"),
        lambda client: client.webhooks.rotate_secret(),
        lambda client: client.webhooks.replay(7),
        lambda client: client.webhooks.test(7),
    ],
)
async def test_what_a_webhook_call_does_is_not_done_twice(
    client: AsyncClient, server: Server, call: Callable[[AsyncClient], Awaitable[object]]
) -> None:
    server.failures = [away()]
    await call(client)
    assert len(server.keys) == 2
    assert len(set(server.keys) - {""}) == 1


async def test_a_server_that_does_not_answer_is_a_failed_connection(client: AsyncClient, server: Server) -> None:
    server.slow = True
    with pytest.raises(ConnectionFailed):
        await client._calls.call(client._tasks.GetTask, tasks_service_pb2.GetTaskRequest(task_id=1), timeout=0.05)
    assert len(server.keys) == 3


async def test_a_server_that_has_answered_is_waited_for_longer_than_one_that_never_did(client: AsyncClient, server: Server) -> None:
    client._calls.backoff = Backoff(attempts=4, attempts_unanswered=2, first_seconds=0.001)
    request = tasks_service_pb2.GetTaskRequest(task_id=1)
    for calls in (2, 4):
        server.keys.clear()
        server.slow = True
        with pytest.raises(ConnectionFailed):
            await client._calls.call(client._tasks.GetTask, request, timeout=0.3)
        assert len(server.keys) == calls
        server.slow = False
        await client.get_task(1)


async def test_events_come_without_a_gap_over_streams_that_break(client: AsyncClient, server: Server) -> None:
    assert [event.sequence async for event in client.watch(1)] == [1, 2, 3, 4]
    assert server.watched == [0, 1, 2]
    seen: list[int] = []
    await client.wait(1, lambda event: seen.append(event.sequence))
    assert seen == [1, 2, 3, 4]


async def test_the_end_is_waited_for_in_as_many_calls_as_it_takes(client: AsyncClient, server: Server) -> None:
    server.early = 2
    assert (await client.wait(1)).state == task_pb2.TASK_STATE_SUCCEEDED
    assert not server.early
    assert not server.watched


async def test_lists_are_read_page_by_page(client: AsyncClient, server: Server) -> None:
    assert [task.id async for task in client.iterate_tasks()] == list(range(8))
    assert [task.id for task in await client.list_tasks(4)] == [0, 1, 2, 3]
    assert server.pages[-2:] == [(4, ""), (1, "3")]
    server.pages.clear()
    async for _ in client.iterate_tasks():
        break
    assert len(server.pages) == 1


async def test_a_failed_task_carries_its_reason() -> None:
    error = task_pb2.TaskError(reason=ErrorReason.FILE_CORRUPT.number, message="It is truncated.")
    failure = TaskFailed(task_pb2.Task(id=3, error=error))
    assert (failure.reason, failure.task.id, str(failure)) == ("FILE_CORRUPT", 3, "It is truncated.")
