"""Operations on every frame of animations, through the public port."""

from __future__ import annotations

import asyncio
from pathlib import Path

import av
import numpy as np
from PIL import Image

from darkroom import AsyncClient, operations
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import task_pb2
from tests.system.animations import frames_of, loop_of, times, walk
from tests.unit.inference.moving_files import video

_TOLERANCE = 12
"""Levels, of 255: a GIF has 256 colours."""


async def made(native: AsyncClient, folder: Path, name: str, content: bytes, *steps: operation_pb2.Operation) -> tuple[Path, task_pb2.Task]:
    source = folder / name
    source.write_bytes(content)
    file = await native.upload(source)
    task = await native.wait((await native.create_task([file.id], list(steps))).id)
    assert task.state == task_pb2.TASK_STATE_SUCCEEDED, task.error
    [path] = await native.download(task.output_file_ids, folder / "out")
    return path, task


async def test_every_frame_of_a_gif_is_resized(native: AsyncClient, tmp_path: Path) -> None:
    content = walk()
    path, task = await made(native, tmp_path, "walk.gif", content, operations.resize(width=48))
    assert path.name == "walk-48x32.gif"
    assert not task.notices
    found, given = frames_of(path.read_bytes()), frames_of(content)
    assert loop_of(path.read_bytes()) == loop_of(content)
    assert [milliseconds for _, milliseconds in found] == times(8)
    for (pixels, _), (before, _) in zip(found, given, strict=True):
        expected = np.asarray(Image.fromarray(before).resize((48, 32), Image.Resampling.LANCZOS), np.int16)
        assert np.abs(pixels - expected).mean() < _TOLERANCE
    [output] = [file for file in await native.list_files() if file.id in task.output_file_ids]
    assert (output.image.width, output.image.height, output.image.frames) == (48, 32, 8)


async def test_a_gif_becomes_a_webp_and_a_video(native: AsyncClient, tmp_path: Path) -> None:
    path, _ = await made(native, tmp_path, "walk.gif", walk(), operations.convert(format="webp", quality=90))
    assert path.name == "walk.webp"
    content = path.read_bytes()
    assert [milliseconds for _, milliseconds in frames_of(content)] == times(8)
    video, task = await made(native, tmp_path, "walk.webp", content, operations.rotate(angle=90), operations.convert(format="mp4"))
    assert video.name == "walk-rotated.mp4"
    [output] = [file for file in await native.list_files() if file.id in task.output_file_ids]
    assert (output.media_type, output.image.width, output.image.height) == ("video/mp4", 64, 96)
    assert (output.image.frames, output.image.duration_milliseconds) == (8, sum(times(8)))
    still, task = await made(native, tmp_path, "walk.webp", content, operations.convert(format="jpeg"))
    assert len(frames_of(still.read_bytes())) == 1
    assert [notice.code for notice in task.notices] == ["picture_note"]


async def test_a_video_keeps_its_sound(native: AsyncClient, tmp_path: Path) -> None:
    content = video(tmp_path / "source.mp4", sound="aac").read_bytes()
    steps = [operations.resize(width=48), operations.rotate(angle=90), operations.draw_text(text="Hi")]
    path, task = await made(native, tmp_path, "film.mp4", content, *steps)
    assert path.name == "film-48x36-rotated-text.mp4"
    assert not task.notices
    with av.open(str(tmp_path / "film.mp4")) as before, av.open(str(path)) as after:
        assert (after.streams.video[0].width, after.streams.video[0].height) == (36, 48)
        assert after.streams.audio[0].codec_context.name == before.streams.audio[0].codec_context.name
        assert sum(1 for _ in after.decode(video=0)) == sum(1 for _ in before.decode(video=0)) == 6


async def test_an_animation_is_upscaled(native: AsyncClient, tmp_path: Path) -> None:
    path, task = await made(native, tmp_path, "walk.png", walk((40, 30), 6, "PNG"), operations.upscale(factor=2))
    found = frames_of(path.read_bytes())
    assert {pixels.shape for pixels, _ in found} == {(60, 80, 3)} and len(found) == 6
    # Once, and not for each frame.
    assert [notice.code for notice in task.notices] == ["model_used"]


async def test_cancelling_in_the_middle(native: AsyncClient, tmp_path: Path) -> None:
    source = tmp_path / "long.gif"
    source.write_bytes(walk((320, 240), 60))
    file = await native.upload(source)
    task = await native.create_task([file.id], [operations.upscale(factor=4)])
    async with asyncio.timeout(120):
        while not (told := await native.get_task(task.id)).progress_message.startswith("Frame"):
            assert told.state in (task_pb2.TASK_STATE_QUEUED, task_pb2.TASK_STATE_RUNNING)
            await asyncio.sleep(0.1)
    await native.cancel_task(task.id)
    ended = await native.get_task(task.id)
    assert ended.state == task_pb2.TASK_STATE_CANCELLED and not ended.output_file_ids


async def test_a_form_call_works_on_all_frames(native: AsyncClient, tmp_path: Path) -> None:
    """What is short work for a picture is not for an animation."""
    [path] = await native.pipelines.run([operations.resize(width=48)], walk(format_="PNG"), tmp_path, name="walk.png")
    assert len(frames_of(path.read_bytes())) == 8
