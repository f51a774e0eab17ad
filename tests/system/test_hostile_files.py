"""Files that attack what reads them, sent through the public port."""

from __future__ import annotations

import asyncio
import io
import zipfile

import pikepdf
import psutil
import pytest
from PIL import ImageCms

from darkroom import AsyncClient
from darkroom.operations.v1 import archive_pb2, operation_pb2, options_pb2
from tests.harness.hostile_runs import FAULTS_OF_FILES
from tests.hostile_files import HostileFile, hostile_files
from tests.hostile_files.bombs import gzip_bomb
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio
from tests.system.test_forms import send


async def test_an_upload_that_calls_itself_compressed(pilio: Pilio, native: AsyncClient, portrait: bytes) -> None:
    """Whatever header it comes with, a file is the bytes that were sent."""
    document = io.BytesIO()
    with pikepdf.new() as blank:
        blank.add_blank_page()
        blank.save(document)
    contents = {"bomb.pdf": gzip_bomb(document.getvalue()), "photo.jpg": portrait}
    items = []
    for name, content in contents.items():
        items.append(await pilio.create(name, len(content), "simple"))
        reply = await pilio.http.put(items[-1]["upload_url"], content=content, headers={"Content-Encoding": "gzip"})
        assert reply.status_code == 200, reply.text
    file_ids = [int(item["id"]) for item in items]
    task = await native.create_task(file_ids, [operation_pb2.Operation(archive=archive_pb2.Archive(name="both"))])
    ended = await native.wait(task.id)
    assert not ended.HasField("error"), ended.error
    with zipfile.ZipFile(io.BytesIO(await native.read(ended.output_file_ids[0]))) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == contents
    assert await native.read(file_ids[1]) == portrait


async def test_a_profile_that_cannot_be_used(pilio: Pilio, native: AsyncClient) -> None:
    """It is left out, and the picture's owner is told."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # It opens, but no conversion can be built from it.
    broken = profile.replace(b"para", b"text")
    assert broken != profile
    file_id = await pilio.upload("broken.jpg", encoded(disc(), "JPEG", icc_profile=broken, quality=95))
    task_id = await pilio.start("/v1/images/remove-background", {"image_file_id": file_id})
    assert (await pilio.finish(task_id))["status"] == "Succeeded"
    task = await native.get_task(int(task_id))
    assert [(notice.code, "colour profile is damaged" in notice.message) for notice in task.notices][-1:] == [("picture_note", True)]


_PICTURES = ("resize", "convert", "crop", "rotate", "inspect-metadata", "inspect-picture", "trim-edges", "edit-animation")
_MOST_GROWTH = 2 << 30
_SECONDS = 300
_BLAMED = {reason.value.lower() for reason in FAULTS_OF_FILES}


@pytest.mark.thorough
@pytest.mark.timeout(7200)
async def test_every_file(pilio: Pilio, stack: StackUnderTest) -> None:
    """All that there are, each in a form of its own, within the usual limits: refused, or the task ends well or for what the file is.

    No process ends, and none keeps what the files would have it take.
    """
    parts = ("files", "tasks", "inference")
    processes = [psutil.Process(stack.pid(part)) for part in parts]
    before = sum(process.memory_info().rss for process in processes)
    places, faults = asyncio.Semaphore(3), list[str]()

    async def work(number: int, file: HostileFile) -> None:
        path = "/v1/pdfs/inspect-pdf" if file.kind == options_pb2.MEDIA_KIND_PDF else f"/v1/images/{_PICTURES[number % len(_PICTURES)]}"
        async with places:
            ended = await _ended(pilio, path, file)
        if ended not in ("succeeded", *_BLAMED):
            faults.append(f"{file.id}, {path}: {ended}")

    await asyncio.gather(*(work(number, file) for number, file in enumerate(hostile_files().values())))
    assert not faults, "\n".join(faults)
    assert [process.pid for process in processes] == [stack.pid(part) for part in parts]
    assert sum(process.memory_info().rss for process in processes) - before < _MOST_GROWTH


async def _ended(pilio: Pilio, path: str, file: HostileFile) -> str:
    """`succeeded`, or why the call was refused or its task failed."""
    reply = await send(pilio, f"{path}?wait=10", ("file", file.content, file.name))
    body = reply.json()
    if reply.status_code != 200:
        return str(body["data"]["error_code"]) if reply.status_code < 500 else reply.text
    task = body["data"]
    async with asyncio.timeout(_SECONDS):
        while task["status"] not in ("Succeeded", "Failed"):
            await asyncio.sleep(0.5)
            task = (await pilio.get(f"/v1/tasks/{task['task_id']}/status")).json()["data"]
    return "succeeded" if task["status"] == "Succeeded" else f"{task['error_type']}"
