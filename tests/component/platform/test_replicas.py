"""Calls to several replicas of a service: to each in turn, and to those that are left."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.local.scratch.resources import free_port
from services.platform.rpc.channel import channel
from services.platform.rpc.targets import target

ASKED = health_pb2.HealthCheckRequest()


class Replica(health_pb2_grpc.HealthServicer):
    """Counts its calls."""

    def __init__(self) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.calls = 0
        self.server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(self, self.server)

    async def start(self) -> None:
        self.server.add_insecure_port(self.address)
        await self.server.start()

    async def Check(  # noqa: N802 - as the proto names it
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> health_pb2.HealthCheckResponse:
        self.calls += 1
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)


@asynccontextmanager
async def replicas(count: int) -> AsyncIterator[list[Replica]]:
    async with AsyncExitStack() as stack:
        made = [Replica() for _ in range(count)]
        for one in made:
            await one.start()
            stack.push_async_callback(one.server.stop, 0)
        yield made


async def spread(stub: health_pb2_grpc.HealthStub, made: list[Replica]) -> Counter[str]:
    """Which replicas get calls once all that are up are connected to."""
    for one in made:
        one.calls = 0
    for _ in range(40):
        await stub.Check(ASKED, timeout=10)
    return Counter({one.address: one.calls for one in made if one.calls})


async def spread_at_last(stub: health_pb2_grpc.HealthStub, made: list[Replica]) -> Counter[str]:
    """The same, once no call fails: until the channel has heard that a replica has ended, calls on the old connection do, and without
    `repeats` that is not hidden."""
    while True:
        with suppress(grpc.aio.AioRpcError):
            return await spread(stub, made)


@pytest.mark.parametrize("repeats", [True, False])
async def test_calls_go_to_all_replicas_and_on_without_one_that_ends(repeats: bool) -> None:
    async with replicas(3) as made, channel(target(",".join(one.address for one in made)), repeats=repeats) as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        async with asyncio.timeout(60):
            while len(await spread(stub, made)) < 3:
                await asyncio.sleep(0.05)
        assert max((await spread(stub, made)).values()) <= 14
        await made[0].server.stop(0)
        async with asyncio.timeout(60):
            assert set(await (spread if repeats else spread_at_last)(stub, made)) == {one.address for one in made[1:]}


async def test_a_replica_that_comes_back_gets_calls_again() -> None:
    async with replicas(2) as made, channel(target(",".join(one.address for one in made))) as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        await made[0].server.stop(0)
        assert set(await spread(stub, made)) == {made[1].address}
        again = Replica()
        again.address = made[0].address
        await again.start()
        try:
            async with asyncio.timeout(60):
                while again.address not in await spread(stub, [again, made[1]]):
                    await asyncio.sleep(0.05)
        finally:
            await again.server.stop(0)


async def test_a_name_with_several_addresses_has_several_replicas() -> None:
    """`localhost` has one or two, and all of them are asked for; the port of another family refuses and is left out."""
    async with replicas(1) as made, channel(f"dns:///localhost:{made[0].address.rpartition(':')[2]}") as opened:
        assert set(await spread(health_pb2_grpc.HealthStub(opened), made)) == {made[0].address}
