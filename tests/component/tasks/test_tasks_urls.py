"""Inputs that are fetched when a task is accepted: once, and kept only if it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.rest.v1 import images_pb2
from tests.component.tasks.service import Replica, Service
from tests.component.tasks.test_tasks_idempotency import ACCOUNT, created, keyed, refusal

CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
A, B, GONE = "https://example.com/a.png", "https://example.com/b.png", "https://example.com/gone.png"


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    service.intake.known = {A, B}
    async with service.replica() as running:
        yield running


async def test_the_files_take_the_place_of_the_urls(service: Service, replica: Replica) -> None:
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    task = await replica.create(service.caller(ACCOUNT), photo, operations=[CUT_OUT], input_urls=[B, A])
    assert task.input_file_ids[0] == photo
    assert [service.files.files[file_id][1].name for file_id in task.input_file_ids[1:]] == ["b.png", "a.png"]
    assert service.files.pins == {task.id: list(task.input_file_ids)}
    assert service.intake.discarded == []


async def test_a_repeat_fetches_nothing(service: Service, replica: Replica) -> None:
    request = images_pb2.RemoveBackgroundRequest(image_url=A)
    replies = [(await replica.images.RemoveBackground(request, metadata=keyed(service))).data.task_id for _ in range(2)]
    assert replies[0] == replies[1]
    assert service.intake.fetched == [A]


async def test_of_two_calls_at_once_one_task_and_one_file_remain(service: Service, replica: Replica) -> None:
    request = images_pb2.RemoveBackgroundRequest(image_url=A)
    calls = [replica.images.RemoveBackground(request, metadata=keyed(service)) for _ in range(2)]
    one, other = [reply.data.task_id for reply in await asyncio.gather(*calls)]
    assert one == other
    assert len(service.intake.discarded) == len(service.intake.fetched) - 1
    [pinned] = service.files.pins[int(one)]
    assert pinned not in service.intake.discarded


async def test_a_url_that_fails_takes_the_others_with_it(service: Service, replica: Replica) -> None:
    call = replica.create(service.caller(ACCOUNT), operations=[CUT_OUT], input_urls=[A, GONE])
    assert await refusal(call) == ("URL_FETCH_FAILED", "input_urls[1]", "input_urls[1]: there is nothing at this URL.")
    assert len(service.intake.discarded) == 1
    assert await created(service, replica) == []


async def test_what_was_fetched_for_nothing_is_discarded(service: Service, replica: Replica) -> None:
    """Here the pictures of a task that would exceed the limit of open ones."""
    async with service.replica("full", max_open_tasks=1) as full:
        await full.create(service.caller(ACCOUNT), operations=[CUT_OUT], input_urls=[A])
        assert (await refusal(full.create(service.caller(ACCOUNT), operations=[CUT_OUT], input_urls=[B])))[0] == "TOO_MANY_TASKS"
    assert [service.files.files[file_id][1].name for file_id in service.intake.discarded] == ["b.png"]


async def test_nothing_is_fetched_for_what_is_wrong_anyway(service: Service, replica: Replica) -> None:
    bad = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground(background_color="red"))
    assert (await refusal(replica.create(service.caller(ACCOUNT), operations=[bad], input_urls=[A])))[0] == "FIELD_INVALID"
    late = replica.create(service.caller(ACCOUNT), operations=[CUT_OUT], input_urls=[A], webhook_url="http://10.0.0.1/")
    assert (await refusal(late))[1] == "webhook_url"
    assert service.intake.fetched == []


async def test_what_may_be_needed_is_kept(service: Service, replica: Replica) -> None:
    service.files.away = True
    assert (await refusal(replica.create(service.caller(ACCOUNT), operations=[CUT_OUT], input_urls=[A])))[0] == "UNAVAILABLE"
    assert (service.intake.fetched, service.intake.discarded) == ([A], [])
