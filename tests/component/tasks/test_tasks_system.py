"""The service's part of what an operator sees: lanes and workers, the latter through whatever replica they have their streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import nats.js.errors
import pytest

from darkroom.internal.system.v1 import part_pb2, system_part_service_pb2_grpc
from darkroom.internal.system.v1 import system_part_service_pb2 as pb
from services.pictures.operations import lanes
from services.platform.bus import OFFERS_STREAM, Bus, offer_subject
from services.platform.errors import ErrorReason, from_rpc
from services.platform.worker_board import WorkerBoard
from tests.component.tasks.service import Service
from tests.component.tasks.workers import worker_on

ACCOUNT = 71
LANE = "system"


@asynccontextmanager
async def part_of(service: Service, replica: str = "a") -> AsyncIterator[system_part_service_pb2_grpc.SystemPartServiceStub]:
    async with grpc.aio.insecure_channel(service.settings(replica)["internal_listen"]) as channel:
        yield system_part_service_pb2_grpc.SystemPartServiceStub(channel)


async def read(service: Service, replica: str = "a") -> part_pb2.Part:
    async with part_of(service, replica) as stub:
        return (await stub.GetPart(pb.GetPartRequest(), metadata=service.accounts(0))).part


def lane_of(part: part_pb2.Part, name: str = LANE) -> part_pb2.Lane:
    return next(lane for lane in part.lanes if lane.name == name)


@pytest.fixture
async def board(bus: Bus) -> WorkerBoard:
    await bus.jetstream.purge_stream(OFFERS_STREAM)
    return WorkerBoard(bus)


async def test_what_cannot_be_read_hides_no_worker(board: WorkerBoard, bus: Bus) -> None:
    await bus.jetstream.publish(offer_subject("worker-odd"), b"\xff\xff")
    await bus.jetstream.publish(offer_subject("worker-other"), part_pb2.Worker(name="even").SerializeToString())
    for odd in (
        part_pb2.Worker(name="for-ever", machine="box", away_days=2**31 - 1),
        part_pb2.Worker(name="nulled", machine="b\0x"),
        part_pb2.Worker(name="long", operations=["x" * 1000]),
    ):
        await board.tell(odd)
    await board.tell(part_pb2.Worker(name="even"))
    assert [worker.name for worker in await board.read()] == ["even"]


async def test_what_is_told_does_not_fill_the_disk(bus: Bus) -> None:
    with pytest.raises(nats.js.errors.APIError, match="exceeds"):
        await bus.jetstream.publish(offer_subject("worker-large"), bytes(70_000))
    # A stack that has been upgraded gets the limits as well, and keeps what is in the stream.
    before = await bus.jetstream.stream_info(OFFERS_STREAM)
    await bus.jetstream.update_stream(replace(before.config, max_msgs=-1, max_msg_size=-1))
    await bus.jetstream.publish(offer_subject("worker-kept"), b"kept")
    await bus.ensure_streams(1)
    after = await bus.jetstream.stream_info(OFFERS_STREAM)
    assert (after.config.max_msgs, after.config.max_msg_size) == (before.config.max_msgs, before.config.max_msg_size) == (10_000, 65_536)
    assert (await bus.jetstream.get_last_msg(OFFERS_STREAM, offer_subject("worker-kept"))).data == b"kept"


async def test_lanes_and_what_waits_in_them(service: Service, board: WorkerBoard, tmp_path: Path) -> None:
    async with service.replica(disk_path=tmp_path, disk_reserve_bytes=1) as replica:
        for _ in range(3):
            await replica.create(service.caller(ACCOUNT))
        part = await read(service)
        assert [lane.name for lane in part.lanes] == lanes()
        found = lane_of(part)
        assert (found.waiting, found.delayed, found.running) == (3, 0, 0)
        assert found.oldest_waiting_seconds > 0
        assert (lane_of(part, "neural").waiting, lane_of(part, "neural").oldest_waiting_seconds) == (0, 0)
        assert {need.name: need.problem for need in part.process.needs} == {"database": "", "nats": ""}
        assert (part.process.stopping, part.disk.full, part.disk.reserve_bytes) == (False, False, 1)
        assert 0 < part.disk.free_bytes <= part.disk.total_bytes
        assert not part.HasField("stored")


async def test_workers_tell_about_themselves_and_run_tasks(service: Service, board: WorkerBoard) -> None:
    await board.tell(
        part_pb2.Worker(name="host.example-1", slots={LANE: 4, "neural": 2}, gpu=True, models=[part_pb2.Model(name="isnet", ready=True)])
    )
    await board.tell(part_pb2.Worker(name="other", slots={"neural": 1}))
    async with service.replica() as replica, service.replica("b"):
        await replica.create(service.caller(ACCOUNT))
        async with worker_on(replica.attempts, service.worker(), LANE, "host.example-1") as worker:
            await worker.ask(4)
            await worker.given()
            # Its stream is at the other replica.
            part = await read(service, "b")
            first, second = part.workers
            assert (first.name, dict(first.slots), dict(first.running), first.gpu) == (
                "host.example-1",
                {LANE: 4, "neural": 2},
                {LANE: 1},
                True,
            )
            assert [(model.name, model.ready) for model in first.models] == [("isnet", True)]
            assert first.HasField("heard_time")
            assert (second.name, dict(second.running)) == ("other", {})
            assert (lane_of(part).waiting, lane_of(part).running) == (0, 1)

            await board.leave("other")
            await board.leave("host.example-1")
            [left] = (await read(service)).workers
            assert (left.name, dict(left.running), dict(left.slots)) == ("host.example-1", {LANE: 1}, {})
            assert not left.HasField("process")


async def test_what_a_worker_says_is_forgotten_with_it(bus: Bus, board: WorkerBoard) -> None:
    await board.tell(part_pb2.Worker(name="one", gpu=False))
    await board.tell(part_pb2.Worker(name="one", gpu=True))
    # What else is offered is no worker.
    await bus.jetstream.publish(offer_subject("gpt_image_2"), b"")
    assert [(worker.name, worker.gpu) for worker in await board.read()] == [("one", True)]
    await board.leave("one")
    assert await board.read() == []
    with pytest.raises(nats.js.errors.NotFoundError):
        await bus.jetstream.get_last_msg(OFFERS_STREAM, offer_subject("worker-two"))


async def test_only_accounts_may_ask(service: Service) -> None:
    async with service.replica(), part_of(service) as stub:
        for metadata in (service.worker(), service.files_service(), service.caller(ACCOUNT), ()):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.GetPart(pb.GetPartRequest(), metadata=metadata)
            assert from_rpc(refused.value).reason in (ErrorReason.PERMISSION_DENIED, ErrorReason.API_KEY_INVALID)
