"""Batches through the public port: `/v1/batches`, the client, and the command."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from pathlib import Path

import pytest

from darkroom import ApiError, AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import task_pb2
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded, opened
from tests.system.pilio import Pilio
from tests.system.shell import Shell

NOOP = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1))
LONG = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1000, step_milliseconds=100))


@pytest.fixture
def shell(stack: StackUnderTest, account: Account, tmp_path: Path) -> Shell:
    return Shell(stack, account, tmp_path)


async def test_a_batch_of_pictures_over_json(pilio: Pilio) -> None:
    files = [await pilio.upload(f"disc-{number}.png", encoded(disc(), "PNG")) for number in range(3)]
    items = [{"file_ids": [file_id]} for file_id in files]
    body = {"items": [*items, {"file_ids": ["1"]}], "operations": [{"remove_background": {"trim": True}}]}
    refused = (await pilio.http.post(f"{pilio.url}/v1/batches", json=body, headers=pilio.headers)).json()
    assert (refused["code"], refused["data"]) == (40401, {"error_code": "file_not_found", "field": "items[3].file_ids[0]"})

    reply = await pilio.http.post(f"{pilio.url}/v1/batches", json=body | {"mode": "per_item"}, headers=pilio.headers)
    assert reply.status_code == 200, reply.text
    batch = reply.json()["data"]["batch"]
    assert (batch["total"], batch["status"], batch["failed"]) == (3, "Processing", 0)
    [error] = batch["errors"]
    assert (error["index"], error["code"], error["data"]["field"]) == (3, 40401, "items[3].file_ids[0]")

    path = f"{pilio.url}/v1/batches/{batch['batch_id']}"
    ended = (await pilio.http.get(path, params={"wait": 60}, headers=pilio.headers, timeout=90)).json()["data"]
    assert (ended["status"], ended["succeeded"], ended["progress"]) == ("Completed", 3, 1)
    tasks = (await pilio.http.get(f"{path}/tasks", headers=pilio.headers)).json()["data"]["items"]
    assert [task["index"] for task in tasks] == [0, 1, 2]
    for number, task in enumerate(tasks):
        [file] = task["result"]["files"]
        assert file["name"] == f"disc-{number}-cutout.png"
        assert opened((await pilio.http.get(file["download_url"])).content).mode == "RGBA"

    listed = (await pilio.http.get(f"{pilio.url}/v1/batches", headers=pilio.headers)).json()["data"]["items"]
    assert [one["batch_id"] for one in listed] == [batch["batch_id"]]
    again = await pilio.http.post(f"{path}/cancel", headers=pilio.headers)
    assert (again.status_code, again.json()["code"]) == (409, 40902)
    deleted = await pilio.http.delete(path, headers=pilio.headers)
    assert (deleted.status_code, deleted.json()) == (200, {"code": 200, "message": "success"})
    gone = await pilio.http.get(path, headers=pilio.headers)
    assert (gone.status_code, gone.json()["code"]) == (404, 40470)
    unknown = await pilio.http.get(f"{pilio.url}/v1/batches/x1", headers=pilio.headers)
    assert (unknown.status_code, unknown.json()["code"]) == (404, 40470)


@pytest.mark.thorough
async def test_five_hundred_tasks_by_the_client(native: AsyncClient) -> None:
    with pytest.raises(ApiError) as refused:
        await native.batches.create([[]] * 501, [NOOP])
    assert (refused.value.reason, refused.value.field) == ("FIELD_INVALID", "items")
    created = await native.batches.create([[]] * 500, [NOOP])
    seen: list[float] = []
    ended = await native.batches.wait(created.batch.id, lambda batch: seen.append(batch.progress))
    assert (ended.counts.succeeded, ended.progress) == (500, 1)
    assert seen == sorted(seen)
    tasks = await native.batches.tasks(created.batch.id, [task_pb2.TASK_STATE_SUCCEEDED])
    assert [task.id for task in tasks] == [task.id for task in created.tasks]


@pytest.mark.thorough
async def test_the_command_shows_and_cancels(shell: Shell, native: AsyncClient) -> None:
    batch_id = str((await native.batches.create([[]] * 20, [LONG])).batch.id)
    assert batch_id in (await shell.run("batch", "ls"))[1]
    assert "20" in (await shell.run("batch", "get", batch_id))[1]
    assert len((await shell.run("batch", "tasks", batch_id, "--json"))[1].splitlines()) == 20
    status, out, err = await shell.run("batch", "cancel", batch_id)
    assert status == 0, err
    assert "cancelled" in out
    shown = json.loads((await shell.run("batch", "get", batch_id, "--json"))[1])
    assert {state: count for state, count in shown["counts"].items() if count} == {"cancelled": 20}
    # Workers that were at it have heard of it, or are stopped by the answer to their next heartbeat.
    assert (await shell.run("batch", "wait", batch_id))[0] == 1
    assert (await shell.run("batch", "rm", batch_id))[0] == 0
    assert (await shell.run("batch", "get", batch_id))[0] == 1
    await asyncio.gather(*(native.wait(task.id) for task in (await native.batches.create([[]] * 3, [NOOP])).tasks))


async def test_the_command_creates_a_batch_of_files(shell: Shell, native: AsyncClient) -> None:
    (shell.folder / "in").mkdir()
    for name, content in (("a.png", encoded(disc(), "PNG")), ("b.png", b"no picture"), ("in/c.png", encoded(disc(), "PNG"))):
        (shell.folder / name).write_bytes(content)
    create = ("batch", "create", "remove-background", ".", "--recursive", "--trim")
    status, _, err = await shell.run(*create)
    assert status == 1
    assert "b.png: The file's content is of an unsupported kind" in err
    assert await native.batches.list() == []

    status, out, _ = await shell.run(*create, "--per-item", "--json")
    created = json.loads(out)
    assert (status, created["inputs"], created["batch"]["task_count"]) == (1, ["a.png", "in/c.png"], 2)
    assert [(failed["input"], failed["reason"]) for failed in created["failed"]] == [("b.png", "MEDIA_UNSUPPORTED")]
    [operation] = created["tasks"][0]["operations"]
    assert operation["remove_background"]["trim"] is True
    assert (await shell.run("batch", "wait", created["batch"]["id"]))[0] == 0
    status, out, _ = await shell.run("batch", "download", created["batch"]["id"], "--output", "out", "--json")
    assert [json.loads(line)["outputs"] for line in out.splitlines()] == [["out/a-cutout.png"], ["out/c-cutout.png"]]
    assert opened((shell.folder / "out" / "c-cutout.png").read_bytes()).mode == "RGBA"


async def test_five_pictures_become_one_zip(shell: Shell, native: AsyncClient, pilio: Pilio) -> None:
    """By the command for the results, and by JSON for the archive of a batch that has failed in part."""
    files = []
    for number in range(5):
        # Two of them are called the same.
        path = shell.folder / f"picture-{min(number, 3)}.png"
        path.write_bytes(encoded(disc(), "PNG"))
        files.append((await native.upload(path)).id)
    cut = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
    batch = (await native.batches.create([[file_id] for file_id in files], [cut])).batch
    assert (await native.batches.wait(batch.id)).counts.succeeded == 5

    status, out, err = await shell.run("batch", "zip", str(batch.id), "--output", "packed")
    assert status == 0, err
    with zipfile.ZipFile(shell.folder / out.strip()) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [*(f"picture-{number}-cutout.png" for number in range(4)), "picture-3-cutout-2.png"]
        assert opened(archive.read("picture-3-cutout-2.png")).mode == "RGBA"

    reply = (await pilio.http.post(f"{pilio.url}/v1/batches/{batch.id}/zip", headers=pilio.headers)).json()
    await pilio.finish(reply["data"]["task_id"])
    result = (await pilio.http.get(f"{pilio.url}{reply['data']['result_url']}", headers=pilio.headers)).json()["data"]
    [file] = result["files"]
    assert (file["name"], file["type"]) == (f"batch-{batch.id}.zip", "zip")
    content = (await pilio.http.get(file["download_url"])).content
    assert len(zipfile.ZipFile(io.BytesIO(content)).namelist()) == 5
