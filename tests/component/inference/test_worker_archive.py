"""The worker packs files from storage to storage."""

from __future__ import annotations

import asyncio
import io
import json
import random
import zipfile

import pytest

from darkroom.common.v1 import errors_pb2
from darkroom.operations.v1 import archive_pb2, operation_pb2
from tests.component.inference.conftest import World
from tests.component.inference.pictures import disc, pdf, png
from tests.hostile_files.bombs import gzip_bomb

MISSING = archive_pb2.MissingResult(index=1, task_id=77, reason=errors_pb2.ERROR_REASON_FILE_CORRUPT, message="The file is damaged.")


def archive(*missing: archive_pb2.MissingResult) -> operation_pb2.Operation:
    return operation_pb2.Operation(archive=archive_pb2.Archive(name="batch-1", missing=missing))


async def packed(world: World, operation: operation_pb2.Operation, *inputs: int) -> zipfile.ZipFile:
    async with world.worker():
        task = await world.submit([operation], *inputs)
        await world.finished(task)
    assert task.failed is None, task.failed
    assert task.completed is not None
    [file_id] = task.completed.output_file_ids
    stored = world.files.files[file_id]
    assert (stored.record.name, stored.record.media_type, stored.finalized) == ("batch-1.zip", "application/zip", True)
    assert not any((world.folder / "work").rglob("*"))
    return zipfile.ZipFile(io.BytesIO(await world.files.content(file_id)))


async def test_files_are_packed_in_order_with_what_is_missing(world: World) -> None:
    contents = {"Porträt.png": b"one", "a|b.pdf": b"two", "PORTRÄT.png": b"", "errors.json": b"{}"}
    inputs = [await world.files.add(name, "image/png", content) for name, content in contents.items()]
    result = await packed(world, archive(MISSING), *inputs)
    assert result.testzip() is None
    assert result.namelist() == ["Porträt.png", "a_b.pdf", "PORTRÄT-2.png", "errors-2.json", "errors.json"]
    assert [result.read(name) for name in result.namelist()[:4]] == list(contents.values())
    assert json.loads(result.read("errors.json")) == {
        "missing": [{"index": 1, "task_id": "77", "reason": "FILE_CORRUPT", "message": "The file is damaged."}]
    }


async def test_a_large_archive_is_stored_in_parts(world: World) -> None:
    # Over the size of a block that is read and of a part that is written, and no multiple of either.
    large = random.Random(1).randbytes((17 << 20) + 12_345)
    inputs = [await world.files.add(name, "image/png", content) for name, content in (("a.png", b"first"), ("large.png", large))]
    result = await packed(world, archive(), *inputs)
    assert result.namelist() == ["a.png", "large.png"]
    assert result.read("large.png") == large
    # The last part was the fourth.
    assert world.files.signed_from == [1, 3]


@pytest.mark.thorough
async def test_what_storage_calls_compressed_is_packed_as_it_is(world: World) -> None:
    # Storage repeats the Content-Encoding that an upload gave. One of these expands to a thousand times its size, the other to nothing.
    contents = {"bomb.pdf": gzip_bomb(pdf(b"")), "picture.png": png(disc())}
    inputs = [await world.files.add(name, "image/png", content, ContentEncoding="gzip") for name, content in contents.items()]
    result = await packed(world, archive(), *inputs)
    assert {name: result.read(name) for name in result.namelist()} == contents


async def test_a_file_that_has_changed_is_named(world: World) -> None:
    file_id = await world.files.add("changed.png", "image/png", b"before")
    await world.files.replace(file_id, b"behind")
    async with world.worker():
        task = await world.submit([archive()], file_id)
        await world.finished(task)
    assert task.failed is not None
    assert task.failed.message.startswith("changed.png: ")


async def test_a_cancelled_task_stops_packing(world: World) -> None:
    inputs = [await world.files.add(f"{number}.png", "image/png", bytes(1 << 20)) for number in range(40)]
    world.tasks.heartbeat_seconds = 0.02
    async with world.worker():
        task = await world.submit([archive()], *inputs)
        await world.tasks.until(lambda: bool(task.heartbeats))
        task.current = False
        await asyncio.sleep(0)
    assert not task.reported
