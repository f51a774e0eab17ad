"""A process from its start to its end: what opens, what closes, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from darkroom.internal.files.v1 import storage_service_pb2_grpc
from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from darkroom.internal.tasks.v1 import attempt_service_pb2_grpc
from services.platform.config import ProcessSettings, ServiceSettings
from services.platform.rpc.interceptor import Context
from services.platform.rpc.server import Mount
from services.platform.serving import Opening, Parts, Service
from services.platform.telemetry.health import Health
from tests.unit.platform.keys import Keys


class Attempts(attempt_service_pb2_grpc.AttemptServiceServicer):
    async def LookupTasks(  # noqa: N802 - gRPC's name
        self, request: pb.LookupTasksRequest, context: Context
    ) -> pb.LookupTasksResponse:
        return pb.LookupTasksResponse(tasks=[pb.TaskStanding(task_id=task_id) for task_id in request.task_ids])


class Diary:
    """What happened, in order."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @asynccontextmanager
    async def part(self, name: str, *, broken: bool = False) -> AsyncIterator[str]:
        if broken:
            raise ConnectionError(f"{name} is broken")
        self.lines.append(f"{name} opens")
        try:
            yield name
        finally:
            self.lines.append(f"{name} closes")

    async def run(self) -> None:
        """As a background loop."""
        self.lines.append("loop runs")
        try:
            await asyncio.Event().wait()
        finally:
            self.lines.append("loop ends")


@pytest.fixture
def diary() -> Diary:
    return Diary()


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def settings(tmp_path: Path, keys: Keys) -> ServiceSettings:
    keys.signer("inference")
    keys.verifier()
    return ServiceSettings(
        listen=f"unix:{tmp_path}/public",
        internal_listen=f"unix:{tmp_path}/internal",
        nats_url="nats://unused",
        signing_key_file=tmp_path / "inference.pem",
        trusted_keys_file=tmp_path / "trusted.json",
        drain_notice=0.3,
    )


async def healthy(channel: grpc.aio.Channel) -> bool:
    reply = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=20)
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


async def test_a_service_serves_drains_and_closes_in_reverse_order(diary: Diary, settings: ServiceSettings, keys: Keys) -> None:
    async def compose(_: ServiceSettings, opening: Opening) -> Parts:
        assert await opening.open("first", diary.part("first")) == "first"
        await opening.open("second", diary.part("second"))
        return Parts(needs=[], loops=[diary], internal=[Mount(Attempts())], on_drained=lambda: diary.lines.append("drained"))

    metadata = keys.signer("files").service_metadata()
    keys.verifier()
    stop = asyncio.Event()
    serving = asyncio.create_task(Service("made_up", ServiceSettings, compose).serve(settings, stop))
    async with grpc.aio.insecure_channel(settings.internal_listen) as internal, grpc.aio.insecure_channel(settings.listen) as public:
        assert await healthy(internal)
        assert await healthy(public)
        stub = attempt_service_pb2_grpc.AttemptServiceStub(internal)
        assert (await stub.LookupTasks(pb.LookupTasksRequest(task_ids=[7]), metadata=metadata)).tasks[0].task_id == 7
        stop.set()
        async with asyncio.timeout(20):
            # It still answers in its last moments, but says that others are to be called.
            while await healthy(public):
                await asyncio.sleep(0.01)
        assert "drained" not in diary.lines
    await serving
    assert diary.lines == ["first opens", "second opens", "loop runs", "drained", "loop ends", "second closes", "first closes"]


async def test_a_part_that_cannot_be_opened_ends_the_process_and_closes_the_others(diary: Diary, settings: ServiceSettings) -> None:
    async def compose(_: ServiceSettings, opening: Opening) -> Parts:
        await opening.open("first", diary.part("first"))
        await opening.open("second", diary.part("second", broken=True))
        raise AssertionError("not reached")

    with pytest.raises(ConnectionError):
        await Service("made_up", ServiceSettings, compose).serve(settings, asyncio.Event())
    assert diary.lines == ["first opens", "first closes"]


async def test_a_process_that_is_stopped_before_it_can_work_does_not_listen(diary: Diary, settings: ServiceSettings) -> None:
    async def stopped_first(stop: asyncio.Event) -> bool:
        await stop.wait()
        return False

    async def work(stop: asyncio.Event, health: Health) -> None:
        raise AssertionError("it was stopped before")

    async def compose(_: ProcessSettings, opening: Opening) -> Parts:
        await opening.open("first", diary.part("first"))
        return Parts(needs=[], before_listening=stopped_first, work=work)

    stop = asyncio.Event()
    serving = asyncio.create_task(Service("made_up", ProcessSettings, compose).serve(settings, stop))
    while not diary.lines:
        await asyncio.sleep(0.01)
    assert not Path(settings.internal_listen.removeprefix("unix:")).exists()
    stop.set()
    await serving
    assert diary.lines == ["first opens", "first closes"]


def test_a_mount_finds_its_service() -> None:
    assert Mount(Attempts()).descriptor.full_name == "darkroom.internal.tasks.v1.AttemptService"


@pytest.mark.parametrize(
    "bases", [(), (attempt_service_pb2_grpc.AttemptServiceServicer, storage_service_pb2_grpc.StorageServiceServicer)], ids=["none", "two"]
)
def test_a_servicer_of_no_one_service_is_refused(bases: tuple[type, ...]) -> None:
    with pytest.raises(TypeError, match="must have one generated servicer"):
        _ = Mount(type("Odd", bases, {})()).descriptor
