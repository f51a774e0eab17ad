"""Files and names that people report most, in every surface, through the public port."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any
from unicodedata import normalize

import httpx
import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import archive_pb2, operation_pb2
from services.inference.media.notes import FORMAT_NOT_KEPT
from tests.reported_files.animations import IN_PARTS
from tests.reported_files.documents import DAMAGED, DOCUMENTS
from tests.reported_files.names import NAMES, offered_names
from tests.stacks import Account, StackUnderTest
from tests.system.claid import claid
from tests.system.fal import Fal
from tests.system.pi import Pi
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.shell import Shell
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_batches import archive, batch
from tests.system.snapotter_progress import events_of
from tests.system.test_forms import send

PNG = encoded(disc(40, 30), "PNG")
FIRST = "Only the first of 3 frames or pages was used."
MAIN = "Only the main one of 3 pictures was used."


@pytest.fixture
def shell(stack: StackUnderTest, account: Account, tmp_path: Path) -> Shell:
    return Shell(stack, account, tmp_path)


def in_header(reply: httpx.Response) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [notice["message"] for notice in json.loads(reply.headers.get("x-notices", "[]"))]


@pytest.mark.parametrize("name", IN_PARTS)
async def test_every_surface_says_that_only_a_part_was_used(
    pilio: Pilio, native: AsyncClient, admin: SnapOtter, shell: Shell, stack: StackUnderTest, account: Account, name: str
) -> None:
    content, is_heic = IN_PARTS[name](), name.endswith(".heic")
    said = MAIN if is_heic else FIRST
    # Surfaces of our own and those that follow them keep all frames of an animation and all pages, so there is nothing to say.
    here = [said] if is_heic else []
    task = (await send(pilio, "/v1/images/resize?wait=10", ("file", content, name), ("width", "20"))).json()["data"]
    assert (await pilio.finish(task["task_id"]))["status"] == "Succeeded"
    noticed = (await pilio.get(f"/v1/tasks/{task['task_id']}/result")).json()["data"].get("notices", [])
    assert [each["message"] for each in noticed] == here
    described = await native.get_task(int(task["task_id"]))
    assert [notice.message for notice in described.notices] == here

    told = [said, FORMAT_NOT_KEPT.format(format="HEIC", written="PNG")] if is_heic else [said]
    assert in_header(await admin.tool("resize", content, {"width": 20}, name)) == told
    assert in_header(await admin.tool("resize", PNG, {"width": 20})) == []
    packed = await batch(admin, "resize", [("still.png", PNG), (name, content)], {"width": 20})
    assert len(archive(packed).names) == 2 and in_header(packed) == told

    (shell.folder / name).write_bytes(content)
    status, out, err = await shell.run("resize", name, "--width", "20")
    assert (status, said in err) == (0, bool(here)), out + err

    file_id = int(described.input_file_ids[0])
    async with claid(stack.url, account.api_key) as client:
        edit = {"input": f"storage://files/{file_id}", "operations": {"resizing": {"width": 20}}}
        reply = await client.post("image/edit", edit)
        assert in_header(reply) == [said]
    fal = Fal(stack.url, account.api_key)
    pi = Pi(stack.url, account.api_key)
    try:
        uri = f"data:image/png;base64,{base64.urlsafe_b64encode(content).decode()}"
        submitted = await fal.submit("darkroom/resize", {"image_url": uri, "width": 20})
        assert [each["message"] for each in (await fal.result(submitted)).get("notices", [])] == here
        job = await pi.job({"operations": [{"resize": {"width": 20}}], "input_file_ids": [str(file_id)]})
        assert (await pi.ended(job["job_id"]))["status"] == "completed"
        assert in_header(await pi.get(f"/jobs/{job['job_id']}")) == here
    finally:
        await fal.http.aclose()
        await pi.http.aclose()


async def test_the_last_event_of_a_background_tool_says_it(admin: SnapOtter) -> None:
    reply = await admin.tool("remove-background", IN_PARTS["frames.png"](), None, "frames.png")
    assert reply.status_code == 202, reply.text
    *_, last = await asyncio.wait_for(events_of(admin, reply.json()["jobId"]), 60)
    assert last["phase"] == "complete" and FIRST in last["stage"]


@pytest.mark.parametrize("kind", ["cut off", *(kind for kind in DOCUMENTS if kind != "cut off")])
async def test_documents_in_the_tools(pilio: Pilio, admin: SnapOtter, kind: str) -> None:
    content = DOCUMENTS[kind]()
    form = [("file", content, "a.pdf"), ("settings", '{"pages": "1", "dpi": 72}')]
    reply = await admin.form("/api/v1/tools/pdf-to-image", *form)
    assert reply.status_code == 200 and reply.json()["pageCount"] == 2, reply.text
    damage = "The document is damaged or cut off, so pages may lack content."
    assert (damage in in_header(reply)) == (kind in DAMAGED)
    for path in ("/v1/pdfs/pdf-pages", "/v1/pdfs/remove-pdf-watermark"):
        task = (await send(pilio, f"{path}?wait=10", ("file", content, "a.pdf"))).json()["data"]
        assert (await pilio.finish(task["task_id"]))["status"] == "Succeeded"
        notices = (await pilio.get(f"/v1/tasks/{task['task_id']}/result")).json()["data"].get("notices", [])
        assert (damage in [notice["message"] for notice in notices]) == (kind in DAMAGED)


async def _downloaded(http: httpx.AsyncClient, url: str) -> tuple[str, str]:
    reply = await http.get(url)
    assert reply.status_code == 200, reply.text
    return offered_names(reply.headers["content-disposition"])


@pytest.mark.parametrize("name", NAMES)
async def test_names_in_every_surface(pilio: Pilio, native: AsyncClient, admin: SnapOtter, shell: Shell, name: str) -> None:
    # Marks are joined to their letters. Windows takes no such characters as are replaced in archives.
    stem = normalize("NFC", name.removesuffix(".png"))
    if '"' not in name:
        task = (await send(pilio, "/v1/images/resize?wait=10", ("file", PNG, name), ("width", "20"))).json()["data"]
        assert (await pilio.finish(task["task_id"]))["status"] == "Succeeded"
        [made] = (await pilio.get(f"/v1/tasks/{task['task_id']}/result")).json()["data"]["files"]
        plain, whole = await _downloaded(pilio.http, made["download_url"])
        assert whole.endswith("-20x15.png") and whole.removesuffix("-20x15.png").startswith(stem[:60])
        assert len(whole.encode()) <= 200 and plain.isascii()

    uploaded = await pilio.upload(name, PNG)
    [offered] = await native.download_urls([int(uploaded)])
    assert normalize("NFC", (await _downloaded(pilio.http, offered.url))[1]) == f"{stem}.png"
    packed = await native.create_task([int(uploaded)] * 2, [operation_pb2.Operation(archive=archive_pb2.Archive(name="both"))])
    ended = await native.wait(packed.id)
    with zipfile.ZipFile(io.BytesIO(await native.read(ended.output_file_ids[0]))) as found:
        first, second = (normalize("NFC", each) for each in found.namelist())
        assert first.startswith(re.sub('[<>:"|?*]', "_", stem)[:60]) and first.endswith(".png") and first != second

    reply = await admin.tool("resize", PNG, {"width": 20}, name)
    assert reply.status_code == 200, reply.text
    _, whole = await _downloaded(admin.http, admin.url + reply.json()["downloadUrl"])
    whole = normalize("NFC", whole)
    assert whole.endswith("_resize.png") and whole.removesuffix("_resize.png").startswith(stem.partition(".")[0][:50])

    (shell.folder / name).write_bytes(PNG)
    status, out, err = await shell.run("resize", name, "--width", "20", "--output", "made")
    assert status == 0, out + err
    [path] = (shell.folder / "made").iterdir()
    assert normalize("NFC", path.name).startswith(stem[:60]) and path.suffix == ".png"


@pytest.mark.cases(4)
@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("wrong.jpg", "wrong-20x15.png"),
        ("noextension", "noextension-20x15.png"),
        ("a/b/up.png", "up-20x15.png"),
        ("photo\u202egnp.png", "photognp-20x15.png"),
    ],
)
async def test_odd_names(pilio: Pilio, shell: Shell, name: str, result: str) -> None:
    task = (await send(pilio, "/v1/images/resize?wait=10", ("file", PNG, name), ("width", "20"))).json()["data"]
    assert (await pilio.finish(task["task_id"]))["status"] == "Succeeded"
    [made] = (await pilio.get(f"/v1/tasks/{task['task_id']}/result")).json()["data"]["files"]
    assert made["name"] == result
    if name.isascii():
        (shell.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (shell.folder / name).write_bytes(PNG)
        status, out, err = await shell.run("resize", name, "--width", "20", "--output", "made")
        assert (status, out.strip()) == (0, f"made/{result}"), out + err


async def test_a_name_that_is_not_utf8_fails_alone(shell: Shell) -> None:
    bad, good = os.fsdecode(b"bad\xff.png"), ["a.png", "b.png"]
    for name in (bad, *good):
        (shell.folder / name).write_bytes(PNG)
    process = await shell.start("resize", "a.png", bad, "b.png", "--width", "20", "--output", "made", "--json")
    out, err = await process.communicate()
    lines: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 1, err
    assert {line["input"]: line["status"] for line in lines} == {"a.png": "done", bad: "failed", "b.png": "done"}
    assert "is not UTF-8" in str([line["error"] for line in lines])
    process = await shell.start("resize", "a.png", bad, "b.png", "--width", "30", "--output", os.fsdecode(b"f\xff"))
    out, err = await process.communicate()
    assert (process.returncode, b"2 of 3 done, 1 failed" in err) == (1, True), err
    assert sorted(out.split()) == [b"f\xff/a-30x22.png", b"f\xff/b-30x22.png"]
