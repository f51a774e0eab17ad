"""A worker dies in the middle of an animation."""

from __future__ import annotations

import asyncio
from pathlib import Path

from darkroom import AsyncClient, operations
from darkroom.tasks.v1 import task_pb2
from tests.stacks import StackUnderTest
from tests.system.animations import frames_of, walk


async def test_worker_killed_between_two_frames(native: AsyncClient, stack: StackUnderTest, tmp_path: Path) -> None:
    source = tmp_path / "walk.gif"
    source.write_bytes(walk((240, 180), 12))
    file = await native.upload(source)
    task = await native.create_task([file.id], [operations.upscale(factor=2)])
    async with asyncio.timeout(120):
        while not (seen := await native.get_task(task.id)).progress_message.startswith("Frame"):
            assert seen.state in (task_pb2.TASK_STATE_QUEUED, task_pb2.TASK_STATE_RUNNING)
            await asyncio.sleep(0.05)
    await asyncio.to_thread(stack.kill, "inference")
    done = await native.wait(task.id)
    assert (done.state, done.attempt, len(done.output_file_ids)) == (task_pb2.TASK_STATE_SUCCEEDED, 2, 1)
    states = [event.state async for event in native.watch(task.id)]
    assert states.count(task_pb2.TASK_STATE_SUCCEEDED) == 1
    [path] = await native.download(done.output_file_ids, tmp_path / "out")
    assert [pixels.shape for pixels, _ in frames_of(path.read_bytes())] == [(360, 480, 3)] * 12
