"""Inputs that are fetched before the worker has them."""

from __future__ import annotations

import io
import zipfile

from darkroom.common.v1.errors_pb2 import ErrorReason
from darkroom.operations.v1 import archive_pb2, operation_pb2
from services.platform import errors
from services.platform.errors import DarkroomError
from tests.component.inference.conftest import World
from tests.component.inference.doubles import Task

PACK = operation_pb2.Operation(archive=archive_pb2.Archive(name="all"))


async def submitted(world: World, *later: int, fails: DarkroomError | None = None, current: bool = True) -> Task:
    first = await world.files.add("first.png", "image/png", b"first")
    return await world.submit([PACK], first, later=later, fetching_fails=fails, current=current)


async def test_the_task_is_run_with_all_of_them(world: World) -> None:
    second = await world.files.add("second.png", "image/png", b"second")
    async with world.worker():
        task = await submitted(world, second)
        await world.finished(task)
    assert task.completed is not None, task.failed
    [packed] = task.completed.output_file_ids
    assert zipfile.ZipFile(io.BytesIO(await world.files.content(packed))).namelist() == ["first.png", "second.png"]


async def test_what_prevents_it_is_reported_with_when_to_try_again(world: World) -> None:
    async with world.worker():
        busy = DarkroomError(errors.ErrorReason.URL_FETCH_FAILED, "input: its server answers 503.", field="input", retry_after=2)
        task = await submitted(world, 1, fails=busy)
        await world.finished(task)
    assert task.failed is not None
    assert ErrorReason.Name(task.failed.reason) == "ERROR_REASON_URL_FETCH_FAILED"
    assert (task.failed.message, task.failed.retry_after.seconds) == ("input: its server answers 503.", 2)


async def test_an_attempt_that_is_over_says_nothing(world: World) -> None:
    async with world.worker(lanes={"system": 1}):
        over = await submitted(world, 1, current=False)
        after = await submitted(world)
        await world.finished(after)
    assert after.completed is not None, after.failed
    assert not over.reported
