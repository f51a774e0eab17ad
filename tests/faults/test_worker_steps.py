"""Workers die between two steps of an attempt, by SIGKILL and each exactly there; another brings the task to its one end."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darkroom import AsyncClient
from darkroom.operations.v1 import operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import task_pb2
from services.inference.worker.attempt import AttemptRunner
from services.inference.worker.client import AttemptClient
from services.inference.worker.files import AttemptFiles
from services.inference.worker.object_transfer import ObjectTransfer
from services.platform.object_writing import SMALL_BYTES
from tests.dying import Dying, Point, dying
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded, opened

CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
STEPS = {
    "told, nothing begun": Point(AttemptRunner, "run", before=True),
    "begun, nothing read": Point(AttemptFiles, "fetch", before=True),
    "input read, no output": Point(AttemptFiles, "deliver", before=True),
    "output recorded, not stored": Point(ObjectTransfer, "upload", before=True),
    "output stored, not finalized": Point(AttemptFiles, "finalize", before=True),
    "output finalized, not completed": Point(AttemptClient, "complete", before=True),
    "completed, the reply not heard": Point(AttemptClient, "complete"),
}
SIZE = 2880, 2160
ENDED = "completed, the reply not heard"


# As many workers start at once as there are steps.
@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_a_worker_that_dies_between_two_steps(native: AsyncClient, stack: StackUnderTest, tmp_path: Path) -> None:
    """All deaths at once, since each costs the time of a lease. A worker does one task at a time, and dies with the one that it has."""
    picture = tmp_path / "disc.png"
    picture.write_bytes(encoded(_grained(disc(*SIZE)), "PNG"))
    file = await native.upload(picture)
    await asyncio.to_thread(stack.stop, "inference")
    tasks = [(await native.create_task([file.id], [CUT])).id for _ in STEPS]
    async with AsyncExitStack() as processes:
        workers = [await processes.enter_async_context(_worker(stack, step, tmp_path / str(n))) for n, step in enumerate(STEPS)]
        deaths = await asyncio.gather(*(worker.died(240) for worker in workers))
    died = {step: int(death["task_id"]) for step, death in zip(STEPS, deaths, strict=True)}
    assert set(died.values()) == set(tasks), died
    await asyncio.to_thread(stack.start, "inference")
    for step, task_id in died.items():
        done = await native.wait(task_id)
        assert done.state == task_pb2.TASK_STATE_SUCCEEDED, step
        # The slot of the one that ended may have got another's task before its worker died.
        assert done.attempt in ((1,) if step == ENDED else (2, 3)), step
        events = [event async for event in native.watch(task_id)]
        assert [event.sequence for event in events] == list(range(1, len(events) + 1)), step
        assert Counter(event.state for event in events)[task_pb2.TASK_STATE_SUCCEEDED] == 1, step
        assert len(done.output_file_ids) == 1, step
        [path] = await native.download(done.output_file_ids, tmp_path / f"of {task_id}")
        assert opened(path.read_bytes()).size == SIZE, step
        assert path.stat().st_size > SMALL_BYTES
        await _only_outputs(stack, task_id, set(done.output_file_ids))


def _grained(picture: Image.Image) -> Image.Image:
    """So much of it does not compress that what is cut out is too large for the call that creates an output, and is PUT."""
    grain = np.random.default_rng(0).integers(0, 100, (*picture.size[::-1], 3), np.uint8)
    return Image.fromarray(np.clip(np.asarray(picture) // 2 + grain, 0, 255).astype(np.uint8))


def _worker(stack: StackUnderTest, step: str, folder: Path) -> AbstractAsyncContextManager[Dying]:
    """A worker of the stack's with one slot, which dies at a step."""
    folder.mkdir()
    settings = {name.removeprefix("DARKROOM_").lower(): value for name, value in stack.settings("inference").items()}
    # The operator's listener is the stack's own worker's.
    del settings["metrics_listen"]
    own = {"internal_listen": f"unix:{folder}/worker", "work_dir": folder / "work", "lanes": {"neural": 1}}
    return dying("inference", settings | own, STEPS[step], folder / "log")


async def _only_outputs(stack: StackUnderTest, task_id: int, outputs: set[int]) -> None:
    """What the dead attempt left is given up as soon as files has heard of the end."""
    query = "SELECT id FROM file WHERE task_id = $1 AND state <> 'deleting'"
    async with asyncio.timeout(60):
        while {row["id"] for row in await asyncio.to_thread(stack.fetch, "files", query, task_id)} != outputs:
            await asyncio.sleep(0.2)
