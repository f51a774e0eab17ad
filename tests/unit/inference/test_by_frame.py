"""Operations on every frame of an animation: in order, several at once, and nothing left when they end early."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from darkroom.files.v1.file_pb2 import ImageInfo
from darkroom.operations.v1 import operation_pb2
from services.inference.contract.flow import Medium, NothingInFrames
from services.inference.contract.memory_budget import MemoryBudget
from services.inference.contract.models import Models
from services.inference.contract.step import DocumentLimits, Step, Tools
from services.inference.media import Header, Image, Limits, Saving, isolated
from services.inference.moving import children
from services.inference.moving.in_order import in_order
from services.inference.moving.limits import MovingLimits
from services.inference.moving.model import Frame
from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.registry import BoundOperation, Registry
from services.inference.pipeline.run import Product, Run, Source
from services.inference.pipeline.stages import Stages
from services.pictures.media_format import MediaFormat
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox
from tests.unit.inference.steps import process

COUNT, SIZE = 10, (32, 24)
MILLISECONDS = [50 + 10 * number for number in range(COUNT)]
RESIZE = operation_pb2.Operation(resize={"width": 16})
BLUR_FACES = operation_pb2.Operation(blur_faces={})


def frames_of(content: bytes | Path) -> list[tuple[np.ndarray[Any, Any], int]]:
    """Each frame as Pillow sees it, and its milliseconds."""
    found = []
    with PillowImage.open(io.BytesIO(content) if isinstance(content, bytes) else content) as opened:
        for number in range(getattr(opened, "n_frames", 1)):
            opened.seek(number)
            found.append((np.asarray(opened.convert("RGB")), int(opened.info.get("duration", 0))))
    return found


def animation(folder: Path, format_: str = "GIF", boxes: Sequence[tuple[int, int, int, int]] | None = None) -> Source:
    """Frames of gray, each a shade lighter than the one before; or of white with a black box."""
    made = []
    for number in range(COUNT):
        if boxes is None:
            made.append(PillowImage.new("RGB", SIZE, (20 * number,) * 3))
        else:
            made.append(PillowImage.new("RGB", SIZE, (255, 255, 255)))
            made[-1].paste((0, 0, 0), boxes[number])
    path = folder / "input"
    made[0].save(path, format_, save_all=True, append_images=made[1:], duration=MILLISECONDS, loop=3)
    return Source(f"shades.{format_.lower()}", path, 0, SIZE, COUNT)


def shade(image: Image) -> int:
    return round(int(image.pixels[0, 0, 0]) / 20)


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(preload=[isolated.__name__], on_demand=children.ON_DEMAND, concurrency=4) as made:
        yield made


class Running:
    """Runs operations on a file, and records what they tell."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox, self.folder = sandbox, folder
        self.told: list[tuple[float, str]] = []
        self.notices: list[tuple[Any, ...]] = []
        self.memory, self.at_once, self.limits = MemoryBudget(8 << 30), 3, MovingLimits()
        self.pipeline: Pipeline | None = None
        self.run: Run | None = None

    async def registered(self, source: Source, *operations: operation_pb2.Operation) -> Product:
        registry = Registry()
        await registry.load(operations)
        return await self.bound(source, *registry.bind(operations))

    async def custom(self, source: Source, work: Callable[[Image, object, Step], Awaitable[Medium]]) -> Product:
        return await self.bound(source, BoundOperation(BLUR_FACES, work, no_memory))

    async def bound(self, source: Source, *operations: BoundOperation) -> Product:
        limits = Limits(1.0)
        tools = Tools(
            triton=None,
            sandbox=self._sandbox,
            models=Models("", "", {}, 256),
            picture_limits=limits,
            picture_resources=SandboxLimits(memory_bytes=4 << 30),
            result_limits=limits,
            memory=self.memory,
            documents=DocumentLimits(1 << 30, 600, 30),
            moving_limits=self.limits,
            frames_at_once=self.at_once,
        )
        self.run = Run(
            folder=self.folder,
            report=lambda done, message: self.told.append((done, message)),
            check=lambda: None,
            notice=lambda *notice: self.notices.append(notice),
            stages=Stages(),
            keeping=None,
            sources=[source],
        )
        product = await process(Pipeline(tools, operations, 1 << 20), self.run)
        assert product is not None
        return product

    def left(self) -> list[str]:
        return sorted(each.name for each in self.folder.iterdir() if each.name != "input")


def no_memory(_picture: Header | None, _parameters: object) -> int:
    return 0


@pytest.fixture
def running(sandbox: Sandbox, tmp_path: Path) -> Running:
    return Running(sandbox, tmp_path)


async def no_run(_image: Image, _parameters: object, _step: Step) -> Image:
    raise AssertionError("an operation on all frames ran on one")


async def test_every_frame_is_worked_on_and_keeps_its_place_and_time(running: Running) -> None:
    product = await running.registered(animation(running.folder), RESIZE)
    assert (product.name, product.media_type) == ("shades-16x12.gif", "image/gif")
    assert product.info == ImageInfo(width=16, height=12, frames=COUNT)
    found = frames_of(product.content)
    assert [milliseconds for _, milliseconds in found] == MILLISECONDS
    assert [round(pixels.mean() / 20) for pixels, _ in found] == list(range(COUNT))
    assert running.notices == []
    done = [part for part, _ in running.told]
    assert done == sorted(done) and "Frame 10 of 10" in {message for _, message in running.told}


async def test_frames_are_worked_on_at_once_up_to_a_bound_and_stay_in_order(running: Running) -> None:
    at_work, most, three = 0, 0, asyncio.Event()

    async def slower_at_first(image: Image, _parameters: object, step: Step) -> Image:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        step.label("slow")
        step.report(0.9, "Inside")
        if at_work == 3:
            three.set()
        await three.wait()
        await asyncio.sleep(0.02 if shade(image) % 3 == 0 else 0.001)
        at_work -= 1
        return image.replace(pixels=image.pixels + 1)

    product = await running.custom(animation(running.folder), slower_at_first)
    assert product.name == "shades-slow.gif"
    assert most == 3
    assert [round(pixels.mean() / 20) for pixels, _ in frames_of(product.content)] == list(range(COUNT))
    assert "Inside" not in {message for _, message in running.told}


async def test_an_error_of_one_frame_ends_all_and_leaves_nothing(running: Running) -> None:
    cancelled = []

    async def fail_at_seven(image: Image, _parameters: object, _step: Step) -> Image:
        if shade(image) == 7:
            raise ValueError("seven")
        try:
            await asyncio.sleep(0.01 if shade(image) < 7 else 60)
        except asyncio.CancelledError:
            cancelled.append(shade(image))
            raise
        return image

    # Not an error of the child that asks for frames.
    with pytest.raises(ValueError, match="seven"):
        await running.custom(animation(running.folder), fail_at_seven)
    assert 8 in cancelled and running.left() == []


async def test_cancelling_leaves_nothing(running: Running) -> None:
    begun = asyncio.Event()

    async def last(image: Image, _parameters: object, _step: Step) -> Image:
        begun.set()
        await asyncio.sleep(60)
        return image

    task = asyncio.create_task(running.custom(animation(running.folder), last))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running.left() == []
    assert running.memory.free == running.memory.total


async def test_a_notice_is_told_once_and_says_on_how_many_frames(running: Running) -> None:
    async def tell(image: Image, _parameters: object, step: Step) -> Image:
        step.notice("model_used", "", "By a model.", {"model": "m"})
        if shade(image) in (2, 5):
            step.notice("no_subject_found", "", f"No subject was found {shade(image)}.", {"score": shade(image)})
        return image.replace(pixels=image.pixels + 1, note="Inverted.")

    await running.custom(animation(running.folder), tell)
    assert sorted(running.notices) == [
        ("model_used", "", "By a model.", {"model": "m"}),
        (
            "no_subject_found",
            "",
            "No subject was found 2. This is true of 2 of 10 frames.",
            {"score": 2, "frames": 2, "of_frames": 10},
        ),
        ("picture_note", "", "Inverted.", {}),
    ]


async def test_an_unchanged_animation_comes_back_with_its_bytes(running: Running) -> None:
    async def look(image: Image, _parameters: object, _step: Step) -> Image:
        return image.replace(pixels=image.pixels.copy())

    source = animation(running.folder)
    product = await running.custom(source, look)
    assert product.content == source.path
    assert running.run is not None and running.run.unchanged

    async def change_one(image: Image, _parameters: object, _step: Step) -> Image:
        return image.replace(pixels=image.pixels + (shade(image) == 9))

    product = await running.custom(source, change_one)
    assert product.content != source.path and not running.run.unchanged


async def find_nothing(frames: AsyncIterator[Frame], _parameters: object, step: Step, _at_once: int) -> AsyncIterator[Frame]:
    async for frame in frames:
        image = dataclasses.replace(frame.image, pixels=frame.image.pixels * 0, saving=Saving(MediaFormat.WEBP))
        yield Frame(image, frame.microseconds)
    step.notice("no_subject_found", "", "No subject was found.", {"score": 0})
    raise NothingInFrames


FIND_NOTHING = BoundOperation(operation_pb2.Operation(remove_background={}), no_run, no_memory, find_nothing)


async def test_an_operation_that_finds_nothing_in_any_frame_changes_none(running: Running) -> None:
    registry = Registry()
    await registry.load([RESIZE])
    product = await running.bound(animation(running.folder), FIND_NOTHING, *registry.bind([RESIZE]))
    found = frames_of(product.content)
    assert [round(pixels.mean() / 20) for pixels, _ in found] == list(range(COUNT)) and found[0][0].shape[:2] == (12, 16)
    assert product.media_type == "image/gif"
    assert running.notices == [("no_subject_found", "", "No subject was found.", {"score": 0})]
    assert running.run is not None and not running.run.unchanged
    assert running.left() == [Path(str(product.content)).name]


async def test_an_animation_in_which_nothing_is_found_comes_back_with_its_bytes(running: Running) -> None:
    source = animation(running.folder)
    product = await running.bound(source, FIND_NOTHING)
    assert product.content == source.path
    assert running.run is not None and running.run.unchanged
    assert [code for code, *_ in running.notices] == ["no_subject_found"]


async def test_edges_are_trimmed_to_one_box_for_all(running: Running) -> None:
    boxes = [(4 + number, 6, 12 + number, 14) for number in range(COUNT)]
    product = await running.registered(animation(running.folder, boxes=boxes), operation_pb2.Operation(trim_edges={}))
    found = frames_of(product.content)
    assert {pixels.shape for pixels, _ in found} == {(8, 17, 3)}
    assert [int(np.argmin(pixels[4, :, 0])) for pixels, _ in found] == list(range(COUNT))


async def test_seams_run_around_what_any_frame_shows(running: Running) -> None:
    boxes = [(4 + number, 6, 8 + number, 14) for number in range(COUNT)]
    product = await running.registered(
        animation(running.folder, boxes=boxes), operation_pb2.Operation(carve_seams={"width": 20, "blur": 0})
    )
    found = frames_of(product.content)
    assert [milliseconds for _, milliseconds in found] == MILLISECONDS
    assert {pixels.shape for pixels, _ in found} == {(24, 20, 3)}
    columns = [np.flatnonzero(pixels[10, :, 0] < 128) for pixels, _ in found]
    assert all(len(each) == 4 and each[0] == columns[0][0] + number for number, each in enumerate(columns))


@pytest.mark.parametrize(
    "operation",
    [
        operation_pb2.Operation(smart_crop={"width": 8, "height": 20}),
        operation_pb2.Operation(resize={"width": 8, "height": 20, "fit": "FIT_CROP", "position": "POSITION_SMART"}),
        operation_pb2.Operation(crop={"aspect_ratio": "1:2", "position": "POSITION_SMART"}),
    ],
)
async def test_a_window_that_is_looked_for_does_not_jump(running: Running, operation: operation_pb2.Operation) -> None:
    # What draws the eye is once here and once there; a line at the bottom does not move.
    boxes = [(2, 2, 10, 10) if number % 2 else (22, 2, 30, 10) for number in range(COUNT)]
    source = animation(running.folder, boxes=boxes)
    product = await running.registered(source, operation)
    found = frames_of(product.content)
    assert len({pixels.shape for pixels, _ in found}) == 1
    columns = [pixels[4, :, 0] < 128 for pixels, _ in found]
    assert all((each == columns[number % 2]).all() for number, each in enumerate(columns))
    assert columns[0].any() != columns[1].any() or (columns[0] != columns[1]).any()


async def test_the_format_that_is_asked_for_decides_whether_all_frames_are_taken(running: Running) -> None:
    def convert(format_: str, **others: object) -> operation_pb2.Operation:
        return operation_pb2.Operation(convert={"format": f"PICTURE_FORMAT_{format_}", **others})

    source = animation(running.folder)
    still = await running.registered(source, convert("JPEG"))
    assert (still.media_type, still.info) == ("image/jpeg", ImageInfo(width=32, height=24, frames=1))
    assert [notice[3]["why"] for notice in running.notices] == ["first_frame"]
    running.notices.clear()
    moving = await running.registered(source, RESIZE, convert("MP4", dpi=72, background="#ff0000"))
    assert (moving.name, moving.media_type) == ("shades-16x12.mp4", "video/mp4")
    assert moving.info == ImageInfo(width=16, height=12, frames=COUNT, duration_milliseconds=sum(MILLISECONDS))
    assert [notice[:2] for notice in running.notices] == [("not_applied", "dpi")]
    assert isinstance(moving.content, Path)
    film = Source("film.mp4", moving.content.rename(running.folder / "video"), 0, (16, 12))
    running.notices.clear()
    first = await running.registered(film, convert("PNG"))
    assert (first.name, first.info) == ("film.png", ImageInfo(width=16, height=12, frames=1))
    assert [notice[0] for notice in running.notices] == ["picture_note"]
    again = await running.registered(film, operation_pb2.Operation(rotate={"angle": 90}))
    assert isinstance(again.info, ImageInfo)
    assert (again.name, again.info.width, again.info.height, again.info.frames) == ("film-rotated.mp4", 12, 16, COUNT)


async def test_what_cannot_be_done_is_refused(running: Running) -> None:
    PillowImage.new("RGB", SIZE).save(running.folder / "still", "PNG")
    still = Source("still.png", running.folder / "still", 0, SIZE, 1)
    with pytest.raises(DarkroomError, match="format of videos") as raised:
        await running.registered(still, operation_pb2.Operation(convert={"format": "PICTURE_FORMAT_MP4"}))
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "format")
    source = animation(running.folder)
    running.limits = MovingLimits(frames=COUNT - 1)
    with pytest.raises(DarkroomError, match="has 10 frames") as raised:
        await running.registered(source, RESIZE)
    assert raised.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    running.limits = MovingLimits()
    source = animation(running.folder, "PNG")
    damaged = bytearray(source.path.read_bytes())
    damaged[damaged.index(b"fdAT", len(damaged) // 2) + 12 :] = b"\xff" * 40
    source.path.write_bytes(damaged)
    with pytest.raises(DarkroomError) as raised:
        await running.registered(source, RESIZE)
    assert raised.value.reason is ErrorReason.FILE_CORRUPT and running.left() == ["still"]


async def test_fewer_frames_at_once_where_memory_is_short(running: Running) -> None:
    running.at_once = 64
    needs = BoundOperation(BLUR_FACES, as_it_is, lambda _picture, _parameters: 100 << 20)
    running.memory = MemoryBudget(1 << 30)
    await running.bound(animation(running.folder), needs)
    assert running.run is not None and 1 < running.run.frames_at_once < 10


async def as_it_is(image: Image, _parameters: object, _step: Step) -> Image:
    return image


async def test_in_order_closes_what_it_takes_from() -> None:
    closed = []

    async def numbers() -> AsyncIterator[int]:
        try:
            for number in range(100):
                yield number
        finally:
            closed.append(True)

    async def twice(number: int) -> int:
        await asyncio.sleep(0.001 * (5 - number))
        return 2 * number

    made = in_order(numbers(), twice, 4)
    assert [await anext(made) for _ in range(5)] == [0, 2, 4, 6, 8]
    await made.aclose()
    assert closed
