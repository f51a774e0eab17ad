"""Forms whose short work is done at once: as good as by the queue, and left to it if the worker dies on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from services.inference.worker.short_runs import ShortRunner
from tests.dying import Point, dying
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.test_forms import send

PHOTO = encoded(disc(640, 480), "JPEG")
AT_ONCE = """
SELECT state, (SELECT count(DISTINCT xmin::text) FROM task_event WHERE task_id = id) = 1 AS at_once FROM task WHERE id = $1
"""
"""Whether all of its events are of one transaction."""


async def resized(pilio: Pilio) -> tuple[int, bytes, str]:
    """By a form: the task, and its result and name."""
    reply = await send(pilio, "/v1/images/resize?wait=60", ("file", PHOTO, "a.jpg"), ("width", "320"))
    data = reply.json()["data"]
    assert data["status"] == "Succeeded", reply.text
    return int(data["task_id"]), *await fetched(pilio.http, data["files"][0])


async def fetched(http: httpx.AsyncClient, file: dict[str, str]) -> tuple[bytes, str]:
    return (await http.get(file["download_url"])).content, file["name"]


async def test_a_form_is_done_at_once_and_as_by_the_queue(pilio: Pilio, stack: StackUnderTest) -> None:
    file_id = await pilio.upload("a.jpg", PHOTO)
    queued = (await pilio.post("/v1/images/resize", {"image_file_id": file_id, "width": 320, "wait": 60})).json()["data"]
    async with asyncio.timeout(60):
        # Where somebody waits, the form waits its turn.
        while not (await _row(stack, (made := await resized(pilio))[0]))["at_once"]:
            pass
    assert made[1:] == await fetched(pilio.http, queued["files"][0])
    assert await _input(pilio, stack, made[0]) == PHOTO
    status = (await pilio.get(f"/v1/tasks/{made[0]}/status")).json()["data"]
    assert status["status"] == "Succeeded", status


async def test_what_is_not_done_at_once_after_all_is_stored_once_and_whole(pilio: Pilio, stack: StackUnderTest) -> None:
    """The worker looks at the picture, and leaves it to an attempt, while the storage takes its bytes."""
    large = encoded(disc(3200, 3000), "JPEG", quality=95)
    await resized(pilio)
    for _ in range(3):
        reply = await send(pilio, "/v1/images/resize?wait=60", ("file", large, "a.jpg"), ("width", "320"))
        data = reply.json()["data"]
        assert data["status"] == "Succeeded", reply.text
        assert not (await _row(stack, int(data["task_id"])))["at_once"]
        assert await _input(pilio, stack, int(data["task_id"])) == large


async def test_a_worker_that_dies_with_a_result_leaves_the_form_to_another(pilio: Pilio, stack: StackUnderTest, tmp_path: Path) -> None:
    await resized(pilio)
    await asyncio.to_thread(stack.stop, "inference")
    settings = {name.removeprefix("DARKROOM_").lower(): value for name, value in stack.settings("inference").items()}
    # The operator's listener is the stack's own worker's.
    del settings["metrics_listen"]
    own = {"internal_listen": f"unix:{tmp_path}/worker", "work_dir": tmp_path / "work", "lanes": {"interactive": 1, "picture": 1}}
    made: list[int] = []
    over = asyncio.Event()

    async def call_on() -> None:
        while not over.is_set():
            made.append((await resized(pilio))[0])

    async with dying("inference", settings | own, Point(ShortRunner, "run"), tmp_path / "log") as worker:
        calling = asyncio.create_task(call_on())
        await worker.died(120)
        await asyncio.to_thread(stack.start, "inference")
        over.set()
        await calling
    states = [(await _row(stack, task_id))["state"] for task_id in made]
    assert set(states) == {"SUCCEEDED"}
    [entries] = await asyncio.to_thread(
        stack.fetch, "tasks", "SELECT count(*) AS charges FROM ledger_entry WHERE kind = 'SETTLE' AND task_id = ANY($1)", made
    )
    assert entries["charges"] == len(made)
    assert len({*made}) == len(made)


async def _row(stack: StackUnderTest, task_id: int) -> dict[str, object]:
    [row] = await asyncio.to_thread(stack.fetch, "tasks", AT_ONCE, task_id)
    return dict(row)


async def _input(pilio: Pilio, stack: StackUnderTest, task_id: int) -> bytes:
    """The content of a task's input."""
    [row] = await asyncio.to_thread(stack.fetch, "tasks", "SELECT input_file_ids FROM task WHERE id = $1", task_id)
    download = (await pilio.get(f"/v1/files/{row['input_file_ids'][0]}/download-url")).json()["data"]["download_url"]
    return (await pilio.http.get(download)).content
