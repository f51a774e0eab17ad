"""What an account may have of the running service, also when it asks for much at once; and what a full disk leaves it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.rest.v1 import tasks_pb2
from darkroom.tasks.v1 import batches_service_pb2, task_pb2, tasks_service_pb2, webhooks_service_pb2
from services.platform.database import Database
from services.platform.errors import ErrorReason, from_rpc
from services.tasks.model.records import PolicyChange
from services.tasks.store.policies import PolicyStore
from tests.component.tasks.hooks import LOOPBACK
from tests.component.tasks.service import NOOP, Replica, Service, eventually

ACCOUNT, OTHER = 7_001, 7_002
ALL_OF_IT = 10**18


async def refused_for(call: Any) -> ErrorReason:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return from_rpc(refused.value).reason


async def webhooks_at_once(service: Service, account: int, replicas: list[Replica]) -> list[object]:
    calls = [
        replica.webhooks.CreateWebhook(
            webhooks_service_pb2.CreateWebhookRequest(url=f"http://127.0.0.1:9/{number}"), metadata=service.caller(account)
        )
        for number in range(12)
        for replica in replicas
    ]
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_24_webhooks_at_once_do_not_pass_the_limit(service: Service, clean_engine: AsyncEngine) -> None:
    settings = {"webhook_allow_http": True, "webhook_allowed_networks": LOOPBACK}
    await PolicyStore(Database(clean_engine)).change(OTHER, PolicyChange(max_webhooks=3))
    async with service.replica("a", **settings) as first, service.replica("b", **settings) as second:
        for account, limit in ((ACCOUNT, 10), (OTHER, 3)):
            results = await webhooks_at_once(service, account, [first, second])
            refused = [from_rpc(result) for result in results if isinstance(result, grpc.aio.AioRpcError)]
            assert len(refused) == 24 - limit
            assert {(error.reason, error.message) for error in refused} == {
                (ErrorReason.TOO_MANY_WEBHOOKS, f"The account has reached its limit of {limit} webhooks. Delete one first.")
            }


async def test_an_account_has_so_many_streams_open_and_no_more(service: Service) -> None:
    me, another = service.caller(ACCOUNT), service.caller(OTHER)
    async with service.replica(max_streams_per_account=10, max_streams=12) as replica:
        task, others = await replica.create(me), await replica.create(another)
        watches = [replica.tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=task.id), metadata=me) for _ in range(24)]
        firsts = await asyncio.gather(*(watch.read() for watch in watches), return_exceptions=True)
        refused = [from_rpc(first) for first in firsts if isinstance(first, grpc.aio.AioRpcError)]
        assert len(refused) == 14
        assert {(error.reason, error.advised_wait) for error in refused} == {(ErrorReason.TOO_MANY_STREAMS, 5)}
        assert refused[0].message == "The account has 10 streams and waiting calls open, and may have 10. Close one first."

        # An awaited result is as much; one that is not awaited is nothing of the kind.
        awaited = tasks_service_pb2.GetTaskRequest(task_id=task.id, wait_seconds=60)
        assert await refused_for(replica.tasks.GetTask(awaited, metadata=me)) is ErrorReason.TOO_MANY_STREAMS
        assert (await replica.get(me, task.id)).id == task.id

        # In the form of the surface that was called.
        stream = replica.pilio_tasks.StreamTaskEvents(tasks_pb2.StreamTaskEventsRequest(id=str(task.id)), metadata=me)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stream.read()
        trailers = dict(failed.value.trailing_metadata() or ())
        assert (trailers["x-http-status"], trailers["retry-after"]) == ("429", "5")
        assert '"code":42940' in str(trailers["x-error-body"])

        # Others have theirs, until the process has enough.
        more = [replica.tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=others.id), metadata=another) for _ in range(3)]
        firsts = await asyncio.gather(*(watch.read() for watch in more), return_exceptions=True)
        assert [from_rpc(first).reason for first in firsts if isinstance(first, grpc.aio.AioRpcError)] == [ErrorReason.TOO_MANY_STREAMS]

        # One that is closed makes room.
        for watch in [*watches, *more]:
            watch.cancel()

        async def watched() -> bool:
            again = replica.tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=task.id), metadata=me)
            try:
                return isinstance(await again.read(), tasks_service_pb2.WatchTaskResponse)
            except grpc.aio.AioRpcError:
                return False
            finally:
                again.cancel()

        await eventually(watched, bool)


async def test_an_account_s_own_limit_of_streams_takes_the_place_of_the_setting(service: Service) -> None:
    async with service.replica(max_streams_per_account=1) as replica:
        for account, own, opened in ((ACCOUNT, 3, 3), (OTHER, 0, 5)):
            caller = service.caller(account, max_streams=own)
            task = await replica.create(caller)
            watches = [replica.tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=task.id), metadata=caller) for _ in range(5)]
            firsts = await asyncio.gather(*(watch.read() for watch in watches), return_exceptions=True)
            refused = [from_rpc(first) for first in firsts if isinstance(first, grpc.aio.AioRpcError)]
            assert len(refused) == 5 - opened
            assert {error.reason for error in refused} <= {ErrorReason.TOO_MANY_STREAMS}
            for watch in watches:
                watch.cancel()


async def test_replicas_share_the_limit_of_streams(service: Service) -> None:
    me, settings = service.caller(ACCOUNT), {"max_streams_per_account": 2}
    async with service.replica("a", **settings) as first:
        task = await first.create(me)
        watch = tasks_service_pb2.WatchTaskRequest(task_id=task.id)
        async with service.replica("b", **settings) as second:
            held = [replica.tasks.WatchTask(watch, metadata=me) for replica in (first, second)]
            for stream in held:
                await stream.read()

            async def open_there() -> int:
                return (await first.usage(service.accounts(ACCOUNT))).amounts["streams"].used

            await eventually(open_there, lambda count: count == 2)
            assert await refused_for(first.tasks.WatchTask(watch, metadata=me).read()) is ErrorReason.TOO_MANY_STREAMS
        # The other one has ended, and its stream with it.
        await eventually(open_there, lambda count: count == 1)
        again = first.tasks.WatchTask(watch, metadata=me)
        assert isinstance(await again.read(), tasks_service_pb2.WatchTaskResponse)
        held[0].cancel()
        again.cancel()


async def test_an_account_is_told_what_it_has_and_may_have(service: Service, clean_engine: AsyncEngine) -> None:
    me = service.caller(ACCOUNT)
    settings = {"webhook_allow_http": True, "webhook_allowed_networks": LOOPBACK, "max_streams_per_account": 10, "max_open_tasks": 30}
    await PolicyStore(Database(clean_engine)).change(ACCOUNT, PolicyChange(max_running=4, max_webhooks=3))
    await PolicyStore(Database(clean_engine)).change(OTHER, PolicyChange(max_open=7))
    async with service.replica(**settings) as replica:
        task, _, _ = [await replica.create(me) for _ in range(3)]
        await replica.started(service.worker(), task.id)
        await replica.webhooks.CreateWebhook(webhooks_service_pb2.CreateWebhookRequest(url="http://127.0.0.1:9/"), metadata=me)
        watch = replica.tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=task.id), metadata=me)
        await watch.read()

        part = await replica.usage(service.accounts(ACCOUNT))
        assert {name: (amount.used, amount.limit) for name, amount in part.amounts.items()} == {
            "open_tasks": (3, 30),
            "open_single_tasks": (0, 20),
            "running_tasks": (1, 4),
            "webhooks": (1, 3),
            "streams": (1, 10),
        }
        assert part.credits.unlimited
        # An account's own limit takes the place of both limits of open tasks.
        part = await replica.usage(service.accounts(OTHER))
        single = part.amounts["open_single_tasks"]
        assert (part.amounts["open_tasks"].limit, single.HasField("limit"), part.amounts["running_tasks"].limit) == (7, False, 1000)
        watch.cancel()


async def test_a_full_disk_keeps_out_new_tasks_and_nothing_else(service: Service, tmp_path: Path) -> None:
    me = service.caller(ACCOUNT)
    async with service.replica() as replica:
        cancelled, done = await replica.create(me), await replica.create(me)
    async with service.replica(disk_path=tmp_path, disk_reserve_bytes=ALL_OF_IT) as replica:
        assert await refused_for(replica.create(me)) is ErrorReason.DISK_FULL
        item = batches_service_pb2.BatchItem(operations=[NOOP])
        batch = batches_service_pb2.CreateBatchRequest(items=[item])
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await replica.batches.CreateBatch(batch, metadata=me)
        error = from_rpc(refused.value)
        assert (refused.value.code(), error.reason, error.advised_wait) == (grpc.StatusCode.UNAVAILABLE, ErrorReason.DISK_FULL, 10)
        assert error.message.startswith("The server's disk is nearly full, so it accepts no new tasks and uploads.")

        assert (await replica.get(me, done.id)).id == done.id
        await replica.tasks.CancelTask(tasks_service_pb2.CancelTaskRequest(task_id=cancelled.id), metadata=me)
        await replica.tasks.DeleteTask(tasks_service_pb2.DeleteTaskRequest(task_id=cancelled.id), metadata=me)
        await replica.started(service.worker(), done.id)
        await replica.complete(service.worker(), done.id)
        assert (await replica.get(me, done.id)).state == task_pb2.TASK_STATE_SUCCEEDED
    async with service.replica(disk_path=tmp_path, disk_reserve_bytes=1) as replica:
        await replica.create(me)
