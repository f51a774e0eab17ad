"""Several services in one process: their settings, what they call of each other, and their ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from darkroom.internal.tasks.v1 import attempt_service_pb2_grpc
from services.platform import log
from services.platform.config import ServiceSettings
from services.platform.identity import Signer
from services.platform.rpc import catalogue
from services.platform.rpc.channel import Caller, channel
from services.platform.rpc.interceptor import Context
from services.platform.rpc.local_channel import LocalChannel
from services.platform.rpc.server import Mount
from services.platform.serving import Opening, Parts, Service
from services.platform.shared_process import load, serve
from services.platform.telemetry.health import Health
from tests.unit.platform.keys import Keys


class TasksSettings(ServiceSettings):
    """Of the service that is called."""


class FilesSettings(ServiceSettings):
    """Of the service that calls."""

    tasks_address: str


class Attempts(attempt_service_pb2_grpc.AttemptServiceServicer):
    """Answers with the length of the name under which it logs."""

    async def LookupTasks(  # noqa: N802 - gRPC's name
        self, request: pb.LookupTasksRequest, context: Context
    ) -> pb.LookupTasksResponse:
        return pb.LookupTasksResponse(tasks=[pb.TaskStanding(task_id=len(str(log.bound_values()["service"])))])


@dataclass
class Pair:
    """Two services, of which `files` calls `tasks`."""

    fails: bool = False
    ends: list[str] = field(default_factory=list)
    found: list[object] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def services(self) -> list[Service[ServiceSettings]]:
        return [Service("tasks", TasksSettings, self._tasks), Service("files", FilesSettings, self._files)]

    async def _tasks(self, settings: ServiceSettings, opening: Opening) -> Parts:
        return Parts(needs=[], internal=[Mount(Attempts())], on_drained=lambda: self.ends.append("tasks"))

    async def _files(self, settings: FilesSettings, opening: Opening) -> Parts:
        tasks = await opening.open("tasks", channel(settings.tasks_address, "tasks"))
        caller = Caller(Signer("files", settings.signing_key_file))

        async def work(stop: asyncio.Event, health: Health) -> None:
            if self.fails:
                raise ConnectionError("files is broken")
            call = attempt_service_pb2_grpc.AttemptServiceStub(tasks).LookupTasks(
                pb.LookupTasksRequest(task_ids=[1]), metadata=caller.on_behalf_of(0), timeout=20
            )
            self.found.extend((isinstance(tasks, LocalChannel), (await call).tasks[0].task_id, log.bound_values()["service"]))
            self.called.set()
            await stop.wait()

        return Parts(needs=[], work=work, on_drained=lambda: self.ends.append("files"))


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The settings of both services, which switch surfaces."""
    keys = Keys(tmp_path)
    for name in ("tasks", "files"):
        keys.signer(name)
        own = {"LISTEN": f"unix:{tmp_path}/{name}", "INTERNAL_LISTEN": f"unix:{tmp_path}/{name}-internal"}
        for setting, value in {**own, "SIGNING_KEY_FILE": f"{tmp_path}/{name}.pem"}.items():
            monkeypatch.setenv(f"{name.upper()}_DARKROOM_{setting}", value)
    keys.verifier()
    common = {"NATS_URL": "nats://unused", "TRUSTED_KEYS_FILE": f"{tmp_path}/trusted.json", "DRAIN_NOTICE": "0"}
    for setting, value in {**common, "TASKS_ADDRESS": f"unix:{tmp_path}/tasks-internal"}.items():
        monkeypatch.setenv(f"DARKROOM_{setting}", value)
    with catalogue.offering([surface.name for surface in catalogue.declared_surfaces()]):
        yield monkeypatch


async def test_services_call_each_other_and_end_with_the_callers_first(environment: pytest.MonkeyPatch) -> None:
    pair, stop = Pair(), asyncio.Event()
    running = asyncio.create_task(serve(load(pair.services), stop))
    await asyncio.wait_for(pair.called.wait(), 30)
    assert pair.found == [True, len("tasks"), "files"]
    assert "service" not in log.bound_values()
    stop.set()
    await running
    assert pair.ends == ["files", "tasks"]


async def test_a_service_that_fails_ends_the_others_in_good_order(environment: pytest.MonkeyPatch) -> None:
    pair = Pair(fails=True)
    with pytest.raises(ExceptionGroup):
        await serve(load(pair.services), asyncio.Event())
    assert pair.ends == ["tasks"]


def test_the_problems_of_all_services_are_reported_at_once(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environment.delenv("TASKS_DARKROOM_LISTEN")
    environment.setenv("FILES_DARKROOM_DRAIN_CALLS", "-1")
    with pytest.raises(SystemExit) as ended:
        load(Pair().services)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert "TasksSettings: 1 setting(s)" in printed
    assert "DARKROOM_LISTEN" in printed
    assert "FilesSettings: 1 setting(s)" in printed
    assert "DARKROOM_DRAIN_CALLS" in printed


def test_one_process_has_one_choice_of_surfaces(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("FILES_DARKROOM_SURFACES", "")
    with pytest.raises(SystemExit, match="DARKROOM_SURFACES must be the same"):
        load(Pair().services)
