import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.platform.rpc.server import listening
from services.platform.telemetry.health import Check, Health, Need, NotThereError
from tests.unit.platform.keys import Keys
from tests.virtual_time import run_in_virtual_time

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


class Part:
    """Something that a process needs."""

    def __init__(self) -> None:
        self.problem: Exception | None = None
        self.looks = 0

    async def probe(self) -> None:
        self.looks += 1
        if self.problem is not None:
            raise self.problem


async def test_a_process_is_not_ready_before_it_has_looked() -> None:
    health = Health([Check("part", Part().probe)])
    assert dict(health.problems) == {"part": "not checked yet"}
    await health.step()
    assert health.ready
    assert not health.problems


async def test_without_needs_it_is_ready() -> None:
    assert Health().ready


async def test_one_failure_may_be_chance_and_two_are_not() -> None:
    part = Part()
    health = Health([Check("part", part.probe, 0.0)])
    await health.step()
    part.problem = ConnectionError("gone")
    await health.step()
    assert health.ready
    await health.step()
    assert dict(health.problems) == {"part": "ConnectionError: gone"}
    part.problem = None
    await health.step()
    assert health.ready


async def test_what_is_needed_is_told_without_what_an_error_gives_away() -> None:
    part, other = Part(), Part()
    health = Health([Check("part", part.probe, 0.0), Check("other", other.probe, 0.0)])
    assert health.needs == [Need("part", "not checked yet"), Need("other", "not checked yet")]
    part.problem = ConnectionError("no route to postgresql://tasks:swordfish@10.1.2.3")
    await health.step()
    await health.step()
    assert health.needs == [Need("part", "ConnectionError"), Need("other", "")]
    part.problem = NotThereError("models are loading")
    await health.step()
    assert health.needs == [Need("part", "models are loading"), Need("other", "")]
    part.problem = TimeoutError()
    await health.step()
    assert health.needs == [Need("part", "no answer in time"), Need("other", "")]
    part.problem = None
    await health.step()
    assert health.needs == [Need("part", ""), Need("other", "")]
    assert not health.draining
    await health.drain()
    assert health.draining


async def test_what_costs_is_looked_at_less_often() -> None:
    part = Part()
    health = Health([Check("part", part.probe, 3600)])
    for _ in range(3):
        await health.step()
    assert part.looks == 1


def test_it_looks_less_often_while_all_is_well() -> None:
    async def looks_in(part: Part, seconds: float) -> int:
        before = part.looks
        await asyncio.sleep(seconds)
        return part.looks - before

    async def watch() -> tuple[int, int, bool]:
        part = Part()
        health = Health([Check("part", part.probe, 0.0)])
        async with health.watching():
            await asyncio.sleep(1)
            well = await looks_in(part, 20)
            part.problem = ConnectionError("gone")
            await asyncio.sleep(7)
            ready = health.ready
            return well, await looks_in(part, 20), ready

    well, failing, ready = run_in_virtual_time(watch())
    assert well == 4
    assert failing >= 20
    assert not ready


@asynccontextmanager
async def stub_for(folder: Path, health: Health) -> AsyncIterator[health_pb2_grpc.HealthStub]:
    address = f"unix:{folder}/health.sock"
    async with listening("internal", address, [], Keys(folder).verifier(), health=health), grpc.aio.insecure_channel(address) as channel:
        yield health_pb2_grpc.HealthStub(channel)


async def test_grpc_tells_readiness_from_liveness(tmp_path: Path) -> None:
    part = Part()
    health = Health([Check("part", part.probe, 0.0)])

    async with stub_for(tmp_path, health) as stub:

        async def states() -> list[int]:
            names = ("liveness", "readiness", "")
            return [(await stub.Check(health_pb2.HealthCheckRequest(service=name))).status for name in names]

        assert await states() == [SERVING, NOT_SERVING, NOT_SERVING]
        await health.step()
        assert await states() == [SERVING, SERVING, SERVING]
        part.problem = ConnectionError("gone")
        await health.step()
        await health.step()
        assert await states() == [SERVING, NOT_SERVING, NOT_SERVING]
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await stub.Check(health_pb2.HealthCheckRequest(service="nobody"))
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_watcher_hears_of_the_drain_while_calls_are_still_served(tmp_path: Path) -> None:
    health = Health()
    async with stub_for(tmp_path, health) as stub:
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="readiness"))
        assert (await watch.read()).status == SERVING
        draining = asyncio.create_task(health.drain(3600))
        assert (await watch.read()).status == NOT_SERVING
        assert (await stub.Check(health_pb2.HealthCheckRequest(service="liveness"))).status == SERVING
        assert not draining.done()
        draining.cancel()
    assert dict(health.problems) == {"draining": "the process is about to end"}
