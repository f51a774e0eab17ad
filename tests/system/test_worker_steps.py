"""A worker dies between two steps of an attempt, each time exactly there; another brings the task to its one end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import task_pb2
from services.common import log
from services.inference.__main__ import serve
from services.inference.config import InferenceSettings
from services.inference.worker.client import AttemptClient
from services.inference.worker.files import AttemptFiles
from services.inference.worker.object_transfer import ObjectTransfer
from tests.halting import Halt
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded, opened

CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
# Where the worker of one task dies each: the method, whether before its work, and the attempt that succeeds.
STEPS: dict[str, tuple[type, str, bool, int]] = {
    "admitted, not acknowledged": (AttemptClient, "start", False, 2),
    "acknowledged, nothing read": (AttemptFiles, "fetch", True, 2),
    "input read, no output": (AttemptFiles, "deliver", True, 2),
    "output recorded, not stored": (ObjectTransfer, "upload", True, 2),
    "output stored, not finalized": (AttemptFiles, "finalize", True, 2),
    "output finalized, not completed": (AttemptClient, "complete", True, 2),
    "completed, the reply not heard": (AttemptClient, "complete", False, 1),
}


@pytest.mark.alone
async def test_a_worker_that_dies_between_two_steps(native: AsyncClient, stack: StackUnderTest, tmp_path: Path) -> None:
    """All deaths at once, since each costs the time of a lease."""
    picture = tmp_path / "disc.png"
    picture.write_bytes(encoded(disc(160, 120), "PNG"))
    file = await native.upload(picture)
    await asyncio.to_thread(stack.stop, "inference")
    tasks = {step: (await native.create_task([file.id], [CUT])).id for step in STEPS}
    with pytest.MonkeyPatch.context() as patch:
        halts = []
        for step, (owner, method, before, _) in STEPS.items():
            halts.append(Halt(patch, owner, method, before=before, whose=_of(tasks[step])))
        # A dead worker sends no heartbeats; until all have come to their points, its other tasks live in the same process.
        Halt(patch, AttemptClient, "heartbeat", before=True, whose=lambda *_, **__: all(halt.reached.is_set() for halt in halts))
        async with _worker(stack, patch, tmp_path, len(STEPS)) as process:
            for halt in halts:
                await asyncio.wait_for(halt.reached.wait(), 60)
            process.cancel()
    await asyncio.to_thread(stack.start, "inference")
    for step, task_id in tasks.items():
        done = await native.wait(task_id)
        assert (done.state, done.attempt) == (task_pb2.TASK_STATE_SUCCEEDED, STEPS[step][3]), step
        assert len(done.output_file_ids) == 1, step
        numbers = [event.sequence async for event in native.watch(task_id)]
        assert numbers == list(range(1, len(numbers) + 1)), step
        [path] = await native.download(done.output_file_ids, tmp_path / str(task_id))
        assert opened(path.read_bytes()).size == (160, 120), step
        await _only_outputs(stack, task_id, set(done.output_file_ids))


def _of(task_id: int) -> Callable[..., bool]:
    """Whether a call is about a task, by its arguments or by what the log is bound to."""

    def mine(*arguments: Any, **_: Any) -> bool:
        return log.bound().get("task_id") == task_id

    return mine


@asynccontextmanager
async def _worker(stack: StackUnderTest, patch: pytest.MonkeyPatch, folder: Path, slots: int) -> AsyncIterator[asyncio.Task[None]]:
    """The stack's worker in this process."""
    for name, value in stack.settings("inference").items():
        patch.setenv(name, value)
    settings = InferenceSettings(internal_listen=f"unix:{folder}/worker", work_dir=folder / "work", lanes={"neural": slots})
    process = asyncio.create_task(serve(settings, asyncio.Event()))
    try:
        yield process
    finally:
        process.cancel()
        await asyncio.wait((process,))


async def _only_outputs(stack: StackUnderTest, task_id: int, outputs: set[int]) -> None:
    """What the dead attempt left is given up as soon as files has heard of the end."""
    query = "SELECT id FROM file WHERE task_id = $1 AND state <> 'deleting'"
    async with asyncio.timeout(60):
        while {row["id"] for row in await asyncio.to_thread(stack.fetch, "files", query, task_id)} != outputs:
            await asyncio.sleep(0.2)
