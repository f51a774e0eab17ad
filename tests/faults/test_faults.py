"""Parts of the platform die while a task is on its way; the task succeeds all the same, once."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from darkroom import AsyncClient
from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_background_pb2, upscale_pb2
from darkroom.tasks.v1 import task_pb2
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded, opened

CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
LARGE = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=4))
NOOP = operation_pb2.Operation(noop=noop_pb2.Noop())


@pytest.fixture
async def picture(native: AsyncClient, tmp_path_factory: pytest.TempPathFactory) -> int:
    path = tmp_path_factory.mktemp("picture") / "disc.png"
    path.write_bytes(encoded(disc(1400, 1050), "PNG"))
    return (await native.upload(path)).id


async def _until_working(native: AsyncClient, task_id: int) -> None:
    """Until a worker has done a part of the task."""
    async for event in native.watch(task_id):
        if event.state == task_pb2.TASK_STATE_RUNNING and event.progress > 0:
            return
    raise AssertionError("the task ended before it could be disturbed")


async def _assert_succeeded_once(native: AsyncClient, stack: StackUnderTest, task_id: int, outputs: int = 1) -> task_pb2.Task:
    task = await native.wait(task_id)
    events = [event async for event in native.watch(task_id)]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event.state for event in events].count(task_pb2.TASK_STATE_SUCCEEDED) == 1
    assert len(task.output_file_ids) == outputs
    await _until_only_outputs(native, set(task.output_file_ids))
    return task


async def _until_only_outputs(native: AsyncClient, expected: set[int]) -> None:
    """files hears of the end a moment later, and shows what the task succeeded with; what other attempts left is never shown."""
    async with asyncio.timeout(30):
        while (shown := {file.id for file in await native.list_files() if file.origin == file_pb2.FILE_ORIGIN_TASK}) != expected:
            assert shown < expected
            await asyncio.sleep(0.1)


async def test_worker_killed_in_the_middle(
    native: AsyncClient, stack: StackUnderTest, picture: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    task = await native.create_task([picture], [LARGE])
    await _until_working(native, task.id)
    await asyncio.to_thread(stack.kill, "inference")
    done = await _assert_succeeded_once(native, stack, task.id)
    assert done.attempt == 2
    (path,) = await native.download(done.output_file_ids, tmp_path_factory.mktemp("out"))
    assert opened(path.read_bytes()).size == (5600, 4200)


async def test_triton_stopped_and_started(native: AsyncClient, stack: StackUnderTest, picture: int) -> None:
    task = await native.create_task([picture], [LARGE])
    await _until_working(native, task.id)
    await asyncio.to_thread(stack.stop, "triton")
    waiting = await native.create_task([picture], [CUT])
    await asyncio.to_thread(stack.start, "triton")
    for task_id in (task.id, waiting.id):
        await _assert_all_outputs(native, task_id)


async def _assert_all_outputs(native: AsyncClient, task_id: int) -> None:
    task = await native.wait(task_id)
    assert len(task.output_file_ids) == 1
    states = [event.state async for event in native.watch(task_id)]
    assert states.count(task_pb2.TASK_STATE_SUCCEEDED) == 1


@pytest.mark.cases(3)
@pytest.mark.parametrize("part", ["tasks", "files", "triton", "accounts", "envoy", "postgres", "nats", "s3"])
async def test_any_part_killed(native: AsyncClient, stack: StackUnderTest, picture: int, part: str) -> None:
    """SIGKILL: the supervisor starts it again, and the task goes on."""
    task = await native.create_task([picture], [LARGE])
    await _until_working(native, task.id)
    await asyncio.to_thread(stack.kill, part)
    await asyncio.to_thread(stack.wait_ready, part)
    await _assert_all_outputs(native, task.id)


@pytest.mark.cases(1)
@pytest.mark.parametrize("part", ["tasks", "envoy", "postgres"])
async def test_a_part_that_is_killed_while_tasks_are_created_makes_no_duplicates(
    native: AsyncClient, stack: StackUnderTest, part: str
) -> None:
    keys = [str(uuid.uuid4()) for _ in range(40)]

    async def create(key: str) -> int:
        return (await native.create_task([], [NOOP], idempotency_key=key)).id

    creating = [asyncio.create_task(create(key)) for key in keys]
    await asyncio.wait(creating, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(stack.kill, part)
    await asyncio.to_thread(stack.wait_ready, part)
    # Whatever became of the calls: those that come with the same keys now give each key's one task.
    await asyncio.gather(*creating, return_exceptions=True)
    created = [await create(key) for key in keys]
    assert sorted(task.id for task in await native.list_tasks()) == sorted(created)
    assert len(set(created)) == len(keys)
    for task_id in created:
        await native.wait(task_id)
