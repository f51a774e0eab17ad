"""Runs: tasks whose callers wait at the gateway, and whose calls the gateway repeats when an answer is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from darkroom.internal.tasks.v1 import run_service_pb2 as pb
from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import task_pb2
from tests.component.tasks.service import Replica, Service, eventually
from tests.component.tasks.workers import worker_on

ACCOUNT = 7_001
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


@pytest.fixture
def photo(service: Service) -> int:
    return service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))


def asked(photo: int, *, name: str = "a", shared: bool = False, wait: int = 0) -> pb.RunRequest:
    return pb.RunRequest(input_file_ids=[photo], operations=[CUT_OUT], surface="any", wait_seconds=wait, name=name, shared=shared)


async def run(service: Service, replica: Replica, request: pb.RunRequest) -> pb.Run:
    return (await replica.runs.Run(request, metadata=service.gateway(ACCOUNT))).run


async def left(service: Service, replica: Replica, request: pb.RunRequest) -> int:
    """The task of a run whose caller goes while it waits."""
    waiting = asyncio.create_task(run(service, replica, request))
    [task_id] = (await eventually(lambda: _pinned(service), bool)).keys()
    await eventually(lambda: _task(service, replica, task_id), lambda task: task is not None)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return task_id


async def _pinned(service: Service) -> dict[int, list[int]]:
    return service.files.pins


async def _task(service: Service, replica: Replica, task_id: int) -> task_pb2.Task | None:
    try:
        return await replica.get(service.caller(ACCOUNT), task_id)
    except Exception:  # noqa: BLE001 - it is not stored yet
        return None


@pytest.mark.parametrize("shared", [False, True])
async def test_a_repeated_call_is_about_the_same_task_and_pins_nothing_more(
    service: Service, replica: Replica, photo: int, *, shared: bool
) -> None:
    first = await run(service, replica, asked(photo, shared=shared))
    again = await run(service, replica, asked(photo, shared=shared))
    assert again.task_id == first.task_id
    assert [file.id for file in again.inputs] == [photo]
    assert service.files.pins == {first.task_id: [photo]}
    other = await run(service, replica, asked(photo, name="b", shared=shared))
    assert other.task_id != first.task_id


async def test_only_a_shared_run_looks_its_name_up_before_it_pins(service: Service, replica: Replica, photo: int) -> None:
    for shared, pinned in ((False, 2), (True, 1)):
        service.files.pinning = 0
        for _ in range(2):
            await run(service, replica, asked(photo, name=str(shared), shared=shared))
        assert service.files.pinning == pinned


async def test_a_caller_that_goes_cancels_its_run(service: Service, replica: Replica, photo: int) -> None:
    task_id = await left(service, replica, asked(photo, wait=60))
    ended = await eventually(lambda: _task(service, replica, task_id), lambda task: task is not None and task.HasField("end_time"))
    assert ended is not None
    assert ended.state == task_pb2.TASK_STATE_CANCELLED


async def test_a_shared_run_goes_on_and_the_next_caller_gets_its_end(service: Service, replica: Replica, photo: int) -> None:
    task_id = await left(service, replica, asked(photo, shared=True, wait=60))
    waiting = asyncio.create_task(run(service, replica, asked(photo, shared=True, wait=60)))
    admission = await replica.started(service.worker(), task_id)
    async with worker_on(replica.attempts, service.worker(), "interactive") as worker:
        await worker.succeed(admission, outputs=())
        ended = await waiting
    assert (ended.task_id, ended.state) == (task_id, task_pb2.TASK_STATE_SUCCEEDED)
