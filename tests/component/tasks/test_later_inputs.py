"""Inputs that a task names by URLs and that are fetched while it runs: once, in their places, checked and paid for like others."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.internal.tasks.v1 import attempt_service_pb2 as pb
from darkroom.operations.v1 import operation_pb2, redraw_pdf_pb2, remove_background_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.acceptance.requests import BatchRequest, EstimateRequest, InputUrl, RequestedItem, TaskRequest
from services.tasks.model import Task
from services.tasks.model.state import TaskState
from tests.component.tasks.accepting import Accepting, accepting_beside
from tests.component.tasks.books import Books
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT
from tests.component.tasks.service import Replica, Service, error_of

CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
REDRAW = operation_pb2.Operation(redraw_pdf=redraw_pdf_pb2.RedrawPdf())
A, B, GONE = "https://example.com/a.png", "https://example.com/b.png", "https://example.com/gone.png?secret=1"
REPORT = "https://example.com/report.pdf"


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    service.intake.known = {A, B, REPORT}
    async with service.replica() as running:
        yield running


@pytest.fixture
async def parts(service: Service) -> AsyncIterator[Accepting]:
    async with accepting_beside(service) as made:
        yield made


def request(*urls: str, files: tuple[int, ...] = (), operation: operation_pb2.Operation = CUT_OUT, **others: Any) -> TaskRequest:
    return TaskRequest(
        account_id=ACCOUNT,
        operations=[operation],
        input_file_ids=files,
        input_fields=["image"] * len(files),
        later_urls=[InputUrl(url, f"input[{index}]") for index, url in enumerate(urls)],
        **others,
    )


async def running(service: Service, replica: Replica, task: Task) -> int:
    """The attempt that a worker was admitted to, and was told to fetch for."""
    started = await replica.started(service.worker(), task.id)
    assert started.later_inputs == len(task.later_inputs)
    return started.attempt


async def fetch(service: Service, replica: Replica, task: Task, attempt: int = 1) -> pb.FetchInputsResponse:
    call = pb.FetchInputsRequest(task_id=task.id, attempt=attempt)
    return await replica.attempts.FetchInputs(call, metadata=service.worker(ACCOUNT))


async def refusal(service: Service, replica: Replica, task: Task) -> tuple[str, str | None, str]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await fetch(service, replica, task)
    return error_of(raised.value)


def names(service: Service, file_ids: Any) -> list[str]:
    return [service.files.files[file_id][1].name for file_id in file_ids]


async def test_a_task_is_created_at_once_and_gets_its_inputs_when_it_runs(service: Service, replica: Replica, parts: Accepting) -> None:
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    task = await parts.acceptance.create(request(B, A, files=(photo,)))
    assert (task.state, task.input_file_ids, service.intake.fetched, task.expected_outputs) == (TaskState.QUEUED, [photo], [], 3)
    attempt = await running(service, replica, task)
    inputs = (await fetch(service, replica, task, attempt)).input_file_ids
    assert names(service, inputs) == ["photo.jpg", "b.png", "a.png"]
    stored = await parts.tasks.get(ACCOUNT, task.id)
    assert (stored.input_file_ids, stored.later_inputs) == (list(inputs), ())
    assert stored.input_names == ["photo.jpg", "b.png", "a.png"]
    # A repeat, whose reply was lost, changes and fetches nothing; an attempt that is over gets nothing.
    assert (await fetch(service, replica, task, attempt)).input_file_ids == inputs
    assert not (await fetch(service, replica, task, attempt + 1)).current
    assert sorted(service.intake.fetched) == [A, B]
    assert set(service.files.pins[task.id]) == set(inputs[1:])  # by the double's last call


async def test_what_a_url_shows_by_itself_refuses_the_task(service: Service, parts: Accepting) -> None:
    with pytest.raises(DarkroomError, match=r": input\[1\]: it must begin with") as raised:
        await parts.acceptance.create(request(A, "ftp://example.com/b.png"))
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "input[1]")
    assert service.intake.fetched == []


async def test_what_cannot_be_fetched_or_used_is_blamed_on_its_field(service: Service, replica: Replica, parts: Accepting) -> None:
    gone, document = [await parts.acceptance.create(request(A, url)) for url in (GONE, REPORT)]
    await running(service, replica, gone)
    assert await refusal(service, replica, gone) == ("URL_FETCH_FAILED", "input[1]", "input[1]: there is nothing at this URL.")
    await running(service, replica, document)
    reason, field, message = await refusal(service, replica, document)
    assert (reason, field) == ("MEDIA_UNSUPPORTED", "input[1]")
    assert message.startswith("input[1]: the file is application/pdf; accepted are ")
    # Nothing is fetched twice for a task, however often that fails.
    assert (await refusal(service, replica, document))[0] == reason
    assert service.intake.fetched.count(REPORT) == 1


async def test_formats_that_the_api_accepts_hold_for_later_inputs(service: Service, replica: Replica, parts: Accepting) -> None:
    task = await parts.acceptance.create(request(A, formats=["jpeg"]))
    await running(service, replica, task)
    assert (await refusal(service, replica, task))[2] == "input[0]: the file is image/png; accepted are jpeg."


async def test_a_failed_task_can_be_run_again_with_what_is_still_to_be_fetched(parts: Accepting) -> None:
    task = await parts.acceptance.create(request(A, B))
    again = await parts.tasks.run_again(ACCOUNT, task.id, field="job", trace_id="", idempotency=None)
    assert len(again.later_inputs) == 2
    assert again.input_file_ids == []


async def test_pages_beyond_those_assumed_are_reserved_if_the_balance_covers_them(
    service: Service, replica: Replica, clean_engine: AsyncEngine
) -> None:
    books = Books(clean_engine, MovableClock())
    service.intake.pages = 3
    async with accepting_beside(service, credits="enforced") as parts:
        await books.have(1)
        with pytest.raises(DarkroomError, match="credits"):
            await parts.acceptance.create(request(REPORT, operation=REDRAW))
        needed = await price(parts)
        await books.have(needed - 1)
        task = await parts.acceptance.create(request(REPORT, operation=REDRAW))
        await running(service, replica, task)
        reason, _, message = await refusal(service, replica, task)
        assert (reason, "are missing" in message) == ("INSUFFICIENT_CREDITS", True)
        await books.have(2 * needed)
        assert len((await fetch(service, replica, task)).input_file_ids) == 1
        assert await books.state() == (0, 3 * needed)
        await books.assert_right(ACCOUNT)
        await parts.tasks.cancel(ACCOUNT, task.id)
        assert await books.state() == (3 * needed, 0)
        await books.assert_right(ACCOUNT)


async def price(parts: Accepting) -> int:
    estimate = await parts.acceptance.estimate(EstimateRequest(account_id=ACCOUNT, operations=[REDRAW], planned_count=1))
    return estimate.price_millicredits


async def test_a_task_that_is_cancelled_meanwhile_gets_nothing(service: Service, replica: Replica, parts: Accepting) -> None:
    task = await parts.acceptance.create(request(A))
    await running(service, replica, task)
    service.files.pin_gate.clear()
    fetching = asyncio.ensure_future(fetch(service, replica, task))
    while not service.files.pinning:
        await asyncio.sleep(0.01)
    await parts.tasks.cancel(ACCOUNT, task.id)
    service.files.pin_gate.set()
    assert not (await fetching).current
    assert (await parts.tasks.get(ACCOUNT, task.id)).input_file_ids == []


async def test_items_of_a_batch_have_them_too(service: Service, parts: Accepting) -> None:
    items = [RequestedItem([], [], later_urls=[InputUrl(url, "input")]) for url in (A, "data", B)]
    batch = await parts.acceptance.create_batch(BatchRequest(account_id=ACCOUNT, items=items, operations=[CUT_OUT], per_item=True))
    assert [task.batch_index for task in batch.tasks] == [0, 2]
    [refused] = batch.batch.refusals
    assert (refused.index, refused.error.field) == (1, "items[1].input")


async def test_files_within_the_request_are_stored_at_once_and_keep_their_places(
    service: Service, replica: Replica, parts: Accepting
) -> None:
    data = "data:image/jpeg;base64," + base64.b64encode(b"\x89PNG and so on").decode()
    task = await parts.acceptance.create(request(A, data, B))
    assert (names(service, task.input_file_ids), service.intake.stored) == (["input.png"], [b"\x89PNG and so on"])
    assert not any(b"PNG" in later or b"base64" in later for later in task.later_inputs)
    assert service.files.pins[task.id] == task.input_file_ids
    await running(service, replica, task)
    assert names(service, (await fetch(service, replica, task)).input_file_ids) == ["a.png", "input.png", "b.png"]


async def test_what_a_request_holds_is_refused_like_any_file(service: Service, parts: Accepting) -> None:
    for data, reason, message in (
        ("data:image/png;base64,####", ErrorReason.FIELD_INVALID, "input[1]: the content after ;base64, is not base64."),
        ("data:image/png;base64,aGVsbG8=", ErrorReason.MEDIA_UNSUPPORTED, "input[1]: what it holds is no picture."),
    ):
        with pytest.raises(DarkroomError) as raised:
            await parts.acceptance.create(request("data:image/png;base64,iVBORw0KGgo=", data))
        assert (raised.value.reason, raised.value.field, raised.value.message) == (reason, "input[1]", message)
    assert len(service.intake.discarded) == len(service.intake.stored) == 2
