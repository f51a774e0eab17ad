"""What surfaces use of the core: what they keep of a request with its tasks, and the descriptions of files."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.acceptance.requests import MOST_KEPT_BYTES, BatchRequest, RequestedItem, TaskRequest
from services.tasks.model import Task
from services.tasks.model.media import InputFile
from services.tasks.model.state import TaskState
from tests.component.tasks.accepting import Accepting, accepting_beside
from tests.component.tasks.scene import ACCOUNT
from tests.component.tasks.service import NOOP, Service

SENT = b'{"prompt": "a \xc3\xa9clair"}\x00\xff'


@pytest.fixture
async def parts(service: Service) -> AsyncIterator[Accepting]:
    async with accepting_beside(service) as made:
        yield made


def request(kept: bytes = SENT, surface: str = "tiny") -> TaskRequest:
    return TaskRequest(account_id=ACCOUNT, operations=[NOOP], input_file_ids=[], input_fields=[], surface=surface, client_request=kept)


def kept(task: Task) -> tuple[str, bytes]:
    return task.surface, task.client_request


async def test_it_is_kept_as_it_is_and_goes_with_a_task_that_is_run_again(parts: Accepting) -> None:
    task = await parts.acceptance.create(request())
    again = await parts.tasks.run_again(ACCOUNT, task.id, trace_id="", idempotency=None)
    [listed, _] = (await parts.tasks.page(ACCOUNT, states=[TaskState.QUEUED], size=2, token="")).tasks
    assert listed.id == again.id
    assert [kept(each) for each in (task, await parts.tasks.get(ACCOUNT, task.id), again, listed)] == [("tiny", SENT)] * 4


async def test_a_task_of_an_api_that_keeps_nothing_has_nothing(parts: Accepting) -> None:
    assert kept(await parts.acceptance.create(request(b"", ""))) == ("", b"")


async def test_each_task_of_a_batch_has_its_item_or_the_whole_request(parts: Accepting) -> None:
    items = [RequestedItem([], []), RequestedItem([], [], client_request=b"own")]
    batch = await parts.acceptance.create_batch(
        BatchRequest(account_id=ACCOUNT, items=items, operations=[NOOP], per_item=False, surface="tiny", client_request=SENT)
    )
    assert [kept(task) for task in batch.tasks] == [("tiny", SENT), ("tiny", b"own")]


async def test_no_more_is_kept_than_is_good_to_read_again(parts: Accepting) -> None:
    await parts.acceptance.create(request(b"x" * MOST_KEPT_BYTES))
    with pytest.raises(DarkroomError, match="at most 262144 are allowed") as raised:
        await parts.acceptance.create(request(b"x" * (MOST_KEPT_BYTES + 1)))
    assert raised.value.reason is ErrorReason.BODY_TOO_LARGE
    together = BatchRequest(
        account_id=ACCOUNT,
        items=[RequestedItem([], [])] * 17,
        operations=[NOOP],
        per_item=True,
        client_request=b"x" * MOST_KEPT_BYTES,
    )
    with pytest.raises(DarkroomError, match="at most 4194304 are allowed"):
        await parts.acceptance.create_batch(together)


async def test_files_are_described(service: Service, parts: Accepting) -> None:
    photo = service.files.add(ACCOUNT, "photo.jpg", "image/jpeg", size=(640, 480))
    report = service.files.add(ACCOUNT, "report.pdf", "application/pdf", pages=3)
    foreign = service.files.add(ACCOUNT + 1, "photo.jpg", "image/jpeg", size=(640, 480))
    assert await parts.files.describe(ACCOUNT, [report, photo, foreign, photo, 1]) == {
        photo: InputFile(photo, "photo.jpg", "image/jpeg", (640, 480), size_bytes=1234, frames=1),
        report: InputFile(report, "report.pdf", "application/pdf", pages=3, size_bytes=1234),
    }
    assert await parts.files.describe(ACCOUNT, []) == {}
