"""How KEDA learns how many workers there should be: with its own client's calls, over the internal listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from externalscaler import externalscaler_pb2 as pb
from externalscaler import externalscaler_pb2_grpc
from services.pictures.operations import lanes
from tests.component.tasks.service import Service
from tests.component.tasks.workers import worker_on

ACCOUNT = 73
LANE = "system"


def scaled(**metadata: str) -> pb.ScaledObjectRef:
    return pb.ScaledObjectRef(name="inference", namespace="darkroom", scalerMetadata=metadata)


BOTH = scaled(lanes=f"{LANE}, neural", tasksPerReplica="2.5", ageSeconds="30")


@asynccontextmanager
async def scaler(service: Service) -> AsyncIterator[externalscaler_pb2_grpc.ExternalScalerStub]:
    async with grpc.aio.insecure_channel(service.settings("a")["internal_listen"]) as channel:
        yield externalscaler_pb2_grpc.ExternalScalerStub(channel)


async def value(stub: externalscaler_pb2_grpc.ExternalScalerStub, metric: str, asked: pb.ScaledObjectRef = BOTH) -> float:
    reply = await stub.GetMetrics(pb.GetMetricsRequest(scaledObjectRef=asked, metricName=metric))
    [found] = reply.metricValues
    assert found.metricName == metric
    assert found.metricValue - 1 < found.metricValueFloat <= found.metricValue
    return float(found.metricValueFloat)


async def test_the_metrics_are_those_with_a_target(service: Service) -> None:
    async with service.replica(), scaler(service) as stub:
        both = (await stub.GetMetricSpec(BOTH)).metricSpecs
        assert [(one.metricName, one.targetSize, one.targetSizeFloat) for one in both] == [("tasks", 3, 2.5), ("age", 30, 30.0)]
        [age] = (await stub.GetMetricSpec(scaled(lanes=LANE, ageSeconds="12"))).metricSpecs
        assert (age.metricName, age.targetSizeFloat) == ("age", 12)


async def test_what_waits_and_runs_counts_and_makes_active(service: Service) -> None:
    async with service.replica() as replica, scaler(service) as stub:
        assert not (await stub.IsActive(BOTH)).result
        assert (await value(stub, "tasks"), await value(stub, "age")) == (0, 0)
        for _ in range(3):
            await replica.create(service.caller(ACCOUNT))
        await asyncio.sleep(1.1)  # Readings are shared within a second.
        assert (await stub.IsActive(BOTH)).result
        assert not (await stub.IsActive(scaled(lanes="neural", tasksPerReplica="1"))).result
        assert await value(stub, "tasks") == 3
        assert await value(stub, "age") > 0
        async with worker_on(replica.attempts, service.worker(), LANE, "worker") as worker:
            await worker.ask(3)
            await worker.given(3)
            await asyncio.sleep(1.1)
            # They run: the workers must stay, and none waits.
            assert await value(stub, "tasks") == 3
            assert await value(stub, "age") == 0


@pytest.mark.thorough
async def test_what_only_a_limit_holds_asks_for_no_workers(service: Service) -> None:
    """No worker helps it: those that its account's limit lets run do."""
    async with service.replica(max_running_tasks=2) as replica, scaler(service) as stub:
        for _ in range(5):
            await replica.create(service.caller(ACCOUNT))
        await replica.create(service.caller(ACCOUNT + 1))
        await asyncio.sleep(1.1)
        assert await value(stub, "tasks") == 3
        assert await value(stub, "age") > 0
        async with worker_on(replica.attempts, service.worker(), LANE, "worker") as worker:
            await worker.ask(4)
            await worker.given(3)
            await asyncio.sleep(1.1)
            assert (await value(stub, "tasks"), await value(stub, "age")) == (3, 0)


async def test_the_tasks_of_an_account_that_may_run_none_keep_no_worker(service: Service) -> None:
    async with service.replica(max_running_tasks=0) as replica, scaler(service) as stub:
        await replica.create(service.caller(ACCOUNT))
        await asyncio.sleep(1.1)
        assert not (await stub.IsActive(BOTH)).result
        assert (await value(stub, "tasks"), await value(stub, "age")) == (0, 0)


async def test_a_stream_tells_the_state_at_once_and_its_changes(service: Service) -> None:
    async with service.replica() as replica, scaler(service) as stub:
        stream = stub.StreamIsActive(BOTH)
        answers: AsyncIterator[pb.IsActiveResponse] = aiter(stream)
        try:
            assert not (await anext(answers)).result
            await replica.create(service.caller(ACCOUNT))
            assert (await anext(answers)).result
        finally:
            stream.cancel()


@pytest.mark.cases(3)
@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (scaled(tasksPerReplica="1"), "lanes: names no lane"),
        (scaled(lanes="fast,neural", tasksPerReplica="1"), "lanes: there is no lane fast"),
        (scaled(lanes=LANE), "scalerMetadata: names no target"),
        (scaled(lanes=LANE, tasksPerReplica="many"), "tasksPerReplica: 'many' is not a number above 0"),
        (scaled(lanes=LANE, tasksPerReplica="0"), "tasksPerReplica: '0' is not a number above 0"),
        (scaled(lanes=LANE, ageSeconds="inf"), "ageSeconds: 'inf' is not a number above 0"),
    ],
)
async def test_wrong_metadata_are_refused_with_what_is_wrong(service: Service, asked: pb.ScaledObjectRef, problem: str) -> None:
    async with service.replica(), scaler(service) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetMetricSpec(asked)
        assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.INVALID_ARGUMENT, problem)
        with pytest.raises(grpc.aio.AioRpcError):
            await anext(aiter(stub.StreamIsActive(asked)))


async def test_a_metric_that_does_not_exist(service: Service) -> None:
    async with service.replica(), scaler(service) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetMetrics(pb.GetMetricsRequest(scaledObjectRef=BOTH, metricName="s0-tasks"))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_every_lane_can_be_named(service: Service) -> None:
    async with service.replica(), scaler(service) as stub:
        assert await value(stub, "tasks", scaled(lanes=",".join(lanes()), tasksPerReplica="1")) == 0
