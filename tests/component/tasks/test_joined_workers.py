"""What workers on other machines say through the tasks service, since they have no user of NATS."""

from __future__ import annotations

import json

import grpc
import pytest

from darkroom.internal.system.v1 import part_pb2
from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from darkroom.internal.tasks.v1 import attempt_service_pb2_grpc
from services.pictures.offers import Offers
from services.platform.bundles import BundleState, RemoteBundles
from services.platform.bus import OFFERS_STREAM, Bus
from services.platform.errors import DarkroomError, ErrorReason, from_rpc
from services.platform.joining import worker_urn
from services.platform.worker_board import WorkerBoard
from services.tasks.domain.order import joined_workers
from services.tasks.domain.order.joined_workers import JoinedWorkers
from tests.component.tasks.service import Service

URN = worker_urn(7, "gpu-box")
NAME = "gpu-box-4711-0a1b2c"
BUNDLE = BundleState(id="faces", name="Faces", description="", estimated_size="1 MB", version="1", tools=["blur-faces"], status="installed")


@pytest.fixture
async def joined(bus: Bus) -> JoinedWorkers:
    await bus.jetstream.purge_stream(OFFERS_STREAM)
    return JoinedWorkers(bus)


async def test_others_learn_how_it_is_and_what_it_offers(joined: JoinedWorkers, bus: Bus) -> None:
    worker = part_pb2.Worker(
        name=NAME, machine="another", gpu=True, slots={"pages": 1, "neural": 2}, operations=["gpt_image_2", "resize", "no.such", "*"]
    )
    await joined.report(URN, worker, "")
    [told] = await WorkerBoard(bus).read()
    # Under the name of its own machine, whatever it says.
    assert (told.name, told.machine, dict(told.slots)) == (NAME, "gpu-box", {"pages": 1, "neural": 2})
    offers = Offers(bus)
    assert (await offers.gpu(), await offers.served(["pages", "interactive"])) == (True, {"pages"})
    stored = (await bus.jetstream.stream_info(OFFERS_STREAM, subjects_filter=">")).state.subjects
    assert set(stored or {}) == {f"OFFERS.worker-{NAME}", "OFFERS.gpu", "OFFERS.gpt_image_2", "OFFERS.lane-pages"}
    await joined.leave(URN, NAME)
    assert await WorkerBoard(bus).read() == []


@pytest.mark.parametrize("name", ["server-1-0a1b2c", "gpu-box", "gpu-box-two-1-0a1b2c", "gpu-box-1-0A1B2C", "gpu-box-1-0a1b2c.x", ""])
async def test_it_speaks_for_itself_alone(joined: JoinedWorkers, bus: Bus, name: str) -> None:
    for call in (joined.report(URN, part_pb2.Worker(name=name, gpu=True), ""), joined.leave(URN, name)):
        with pytest.raises(DarkroomError, match="must name the caller: gpu-box-PROCESS-RANDOM") as refused:
            await call
        assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "worker.name")
    assert not (await bus.jetstream.stream_info(OFFERS_STREAM)).state.messages


@pytest.mark.parametrize("odd", [{"away_days": 10**6}, {"operations": ["x" * 1000]}, {"standby_lanes": ["x"] * 70_000}])
async def test_a_report_that_readers_would_leave_out_is_refused(joined: JoinedWorkers, bus: Bus, odd: dict[str, object]) -> None:
    with pytest.raises(DarkroomError) as refused:
        await joined.report(URN, part_pb2.Worker(name=NAME, **odd), "")
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "worker")
    assert not (await bus.jetstream.stream_info(OFFERS_STREAM)).state.messages


async def test_bundles_are_answered_for_while_it_is_there(joined: JoinedWorkers, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles = RemoteBundles(bus.client)
    with pytest.raises(DarkroomError, match="not a list of bundles") as refused:
        await joined.report(URN, part_pb2.Worker(name=NAME), '[{"field": 1}]')
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "bundles_json")
    await joined.report(URN, part_pb2.Worker(name=NAME), json.dumps([BUNDLE.model_dump()]))
    assert [one.id for one in await bundles.all()] == ["faces"]
    await joined.step()
    assert [one.id for one in await bundles.all()] == ["faces"]
    monkeypatch.setattr(joined_workers, "_COUNTS_SECONDS", -1.0)
    await joined.report(URN, part_pb2.Worker(name=NAME), json.dumps([BUNDLE.model_dump()]))
    await joined.step()
    with pytest.raises(DarkroomError) as away:
        await bundles.all()
    assert away.value.reason is ErrorReason.UNAVAILABLE


async def test_no_other_worker_reports_so(service: Service) -> None:
    async with service.replica(), grpc.aio.insecure_channel(service.settings("a")["internal_listen"]) as channel:
        stub = attempt_service_pb2_grpc.AttemptServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ReportWorker(pb.ReportWorkerRequest(worker=part_pb2.Worker(name=NAME)), metadata=service.worker())
    assert from_rpc(refused.value).reason is ErrorReason.PERMISSION_DENIED
