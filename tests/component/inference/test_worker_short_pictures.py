"""Short picture work through the worker: what a child has made is delivered, and what breaks a child fails alone."""

from __future__ import annotations

import pytest

from darkroom.operations.v1 import operation_pb2
from services.inference.media import Image, Saving, encode
from services.pictures.media_format import MediaFormat
from services.platform.errors import ErrorReason
from tests.component.inference.conftest import World
from tests.component.inference.pictures import disc, opened

JPEG = encode(Image(disc()), Saving(format=MediaFormat.JPEG))
RESIZE = operation_pb2.Operation(resize={"width": 40})


@pytest.mark.parametrize("jobs", [1, 100])
async def test_a_damaged_picture_fails_alone(world: World, jobs: int) -> None:
    photo = await world.files.add("photo.jpg", "image/jpeg", JPEG)
    damaged = await world.files.add("damaged.jpg", "image/jpeg", JPEG[: len(JPEG) // 2])
    async with world.worker(picture_child_jobs=jobs):
        tasks = [await world.submit([RESIZE], source) for source in (photo, damaged, photo)]
        for task in tasks:
            await world.finished(task)
    first, broken, last = tasks
    assert broken.failed is not None
    assert broken.failed.reason == ErrorReason.FILE_CORRUPT.number
    assert broken.failed.message.startswith("damaged.jpg: ")
    for task in (first, last):
        assert task.completed is not None, task.failed
        (output,) = task.completed.output_file_ids
        stored = world.files.files[output].record
        assert (stored.name, stored.media_type, stored.image.width, stored.image.height) == ("photo-40x40.jpg", "image/jpeg", 40, 40)
        assert opened(await world.files.content(output)).width == 40


@pytest.mark.parametrize("files_takes_contents", [True, False], ids=["this version's files", "files of the version before"])
async def test_small_files_come_and_go_with_calls(world: World, files_takes_contents: bool) -> None:
    world.files.takes_contents = files_takes_contents
    photo = await world.files.add("photo.jpg", "image/jpeg", JPEG)
    if files_takes_contents:
        world.files.files[photo].content = JPEG
        # It is not read from the storage.
        await world.files.replace(photo, b"another")
    async with world.worker():
        task = await world.submit([RESIZE], photo)
        await world.finished(task)
    assert task.completed is not None, task.failed
    (output,) = task.completed.output_file_ids
    stored = world.files.files[output]
    assert stored.finalized
    assert stored.record.size_bytes == len(await world.files.content(output))
