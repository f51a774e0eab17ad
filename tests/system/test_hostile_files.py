"""Files that attack what reads them, sent through the public port."""

from __future__ import annotations

import io
import zipfile

import pikepdf
from PIL import ImageCms

from darkroom import AsyncClient
from darkroom.operations.v1 import archive_pb2, operation_pb2
from tests.hostile import gzip_bomb
from tests.system.pictures import disc, encoded
from tests.system.pilio import Pilio


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
