"""The filters of `GET /v1/tasks`, of the running service and of the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_background_pb2, upscale_pb2
from darkroom.rest.v1 import batches_pb2, task_list_pb2, tasks_pb2
from services.platform.database import Database
from services.platform.errors import ErrorReason
from services.tasks.domain.owner import task_search
from services.tasks.domain.owner.task_search import TaskQuery, TaskSearch
from services.tasks.model.state import TaskState
from services.tasks.store.search import FIND, SearchStore
from tests.component.tasks.scene import ACCOUNT, Scene
from tests.component.tasks.service import Replica, Service, error_of

OTHER = 7_002
NOOP = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1))
CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground(trim=True))
ENLARGE = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=2))


@pytest.fixture
async def replica(service: Service) -> AsyncIterator[Replica]:
    async with service.replica() as running:
        yield running


async def found(service: Service, replica: Replica, **wanted: Any) -> list[str]:
    """The ids of all tasks that a filter lets through, newest first, two to a page."""
    ids: list[str] = []
    token = None
    while True:
        request = task_list_pb2.ListTasksRequest(**{"page_size": 2, "page_token": token, **wanted})
        page = (await replica.pilio_tasks.ListTasks(request, metadata=service.caller(ACCOUNT))).data
        ids += [item.task_id for item in page.items]
        if not page.HasField("next_page_token"):
            return ids
        token = page.next_page_token


async def test_filters_let_through_what_they_say_on_all_pages(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    photos = [service.files.add(ACCOUNT, name, "image/jpeg", size=(640, 480)) for name in ("Ürlaub 1%.jpg", "cat_photo.JPG")]
    first = await replica.create(me, photos[0], operations=[CUT_OUT])
    second = await replica.create(me, photos[1], operations=[ENLARGE, CUT_OUT])
    third = await replica.create(me, photos[1], operations=[ENLARGE])
    items = [batches_pb2.BatchItem(operations=[NOOP])] * 3
    batch = (await replica.pilio_batches.CreateBatch(batches_pb2.CreateBatchRequest(items=items), metadata=me)).data
    theirs = service.files.add(OTHER, "cat.jpg", "image/jpeg", size=(640, 480))
    await replica.create(service.caller(OTHER), theirs, operations=[CUT_OUT])
    one, two, three = (str(task.id) for task in (first, second, third))
    of_batch = [task.task_id for task in reversed(batch.tasks)]

    assert await found(service, replica) == [*of_batch, three, two, one]
    assert await found(service, replica, operation="remove_background") == [two, one]
    assert await found(service, replica, operation="upscale") == [three, two]
    assert await found(service, replica, operation="noop") == of_batch
    assert await found(service, replica, name="PHOTO") == [three, two]
    assert await found(service, replica, name="ürl") == [one]
    # No character has a meaning of its own.
    assert await found(service, replica, name="1%.") == [one]
    assert await found(service, replica, name="%") == [one]
    assert await found(service, replica, name="t_p", operation="remove_background") == [two]
    assert await found(service, replica, batch_id=batch.batch.batch_id) == of_batch
    assert await found(service, replica, batch_id=batch.batch.batch_id, operation="upscale") == []
    assert await found(service, replica, batch_id="x") == []
    middle = second.create_time
    assert await found(service, replica, created_after=middle) == [*of_batch, three, two]
    assert await found(service, replica, created_before=middle) == [one]
    assert await found(service, replica, created_before=middle, created_after=middle) == []
    for year in (1, 1900, 9999):
        edge = Timestamp()
        edge.FromDatetime(datetime(year, 1, 1, tzinfo=UTC))
        assert (await found(service, replica, created_after=edge) == []) == (year == 9999)
        assert (await found(service, replica, created_before=edge) == []) == (year != 9999)


async def test_every_state_is_found_by_its_name(service: Service, replica: Replica) -> None:
    me = service.caller(ACCOUNT)
    expected: dict[str, str] = {}
    for state in ("running", "succeeded", "failed", "retrying", "cancelled", "queued"):
        task = await replica.create(me)
        expected[state] = str(task.id)
        if state == "queued":
            continue
        if state == "cancelled":
            await replica.pilio_tasks.CancelTask(tasks_pb2.CancelTaskRequest(id=str(task.id)), metadata=me)
            continue
        await replica.started(service.worker(), task.id)
        if state == "succeeded":
            await replica.complete(service.worker(), task.id)
        elif state != "running":
            reason = ErrorReason.FILE_CORRUPT if state == "failed" else ErrorReason.UNAVAILABLE
            await replica.fail(service.worker(), task.id, reason=reason.number, message="No.")
    assert {state: await found(service, replica, state=state) for state in expected} == {
        state: [task_id] for state, task_id in expected.items()
    }
    # Those of Pilio are coarser.
    assert await found(service, replica, status="Failed") == [expected["cancelled"], expected["failed"]]
    assert await found(service, replica, status="Processing") == [expected["retrying"], expected["running"]]


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"state": "failed", "status": "Failed"}, "state"),
        ({"operation": "paint"}, "operation"),
        ({"name": "a\0"}, "name"),
        ({"page_token": "x"}, "page_token"),
    ],
)
async def test_what_cannot_be_meant_is_refused(service: Service, replica: Replica, wanted: dict[str, str], field: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await found(service, replica, **wanted)
    assert error_of(refused.value)[:2] == ("FIELD_INVALID", field)


async def test_a_search_that_finds_little_goes_on_page_by_page(
    scene: Scene, clean_engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_search, "_STRETCH", 3)
    monkeypatch.setattr(task_search, "_STRETCHES", 2)
    search = TaskSearch(SearchStore(Database(clean_engine)))
    old = await scene.create()
    for _ in range(13):
        await scene.in_state(TaskState.CANCELLED)
    new = await scene.create()
    pages, token = [], ""
    for _ in range(10):
        page = await search.page(ACCOUNT, TaskQuery(states=[TaskState.QUEUED]), size=5, token=token)
        pages.append([task.id for task in page.tasks])
        token = page.next_page_token
        if not token:
            break
    assert pages == [[new.id], [], [old.id]]


async def test_a_search_does_not_read_what_others_have(scene: Scene, clean_engine: AsyncEngine) -> None:
    """Of 3,000 tasks, two are the account's."""
    copied = await scene.create(account_id=OTHER)
    for _ in range(2):
        await scene.create()
    async with clean_engine.begin() as connection:
        table = await connection.execute(text("SELECT column_name FROM information_schema.columns WHERE table_name = 'task'"))
        others = ", ".join(name for name in table.scalars() if name != "id")
        numbered = f"SELECT id + number, {others} FROM task, generate_series(1, 3000) AS number WHERE id = :id"
        await connection.execute(text(f"INSERT INTO task (id, {others}) {numbered}"), {"id": copied.id})
        await connection.execute(text("ANALYZE task"))
    values = {
        "account_id": ACCOUNT,
        "before_id": 10**15,
        "from_id": 0,
        "stretch": 20_000,
        "limit": 100,
        "states": None,
        "attempted": None,
        "tag": b"x",
        "name": "x",
        "created_after": None,
        "created_before": None,
    }
    plan = "\n".join(row[0] for row in await Database(clean_engine).fetch(text("EXPLAIN " + FIND.text), values))
    assert "task_account" in plan and "Seq Scan" not in plan
