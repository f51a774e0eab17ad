"""Media flow from operation to operation, with one decoding before and one encoding after."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from darkroom.files.v1.file_pb2 import DocumentInfo, ImageInfo
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.noop_pb2 import Noop
from darkroom.operations.v1.remove_background_pb2 import RemoveBackground
from services.inference.contract.flow import Attachment, Document, Examination, Medium
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.memory_budget import MemoryBudget
from services.inference.contract.models import Models
from services.inference.contract.step import DocumentLimits, Step, Tools
from services.inference.media import Header, Image, Limits, decode, encode, isolated
from services.inference.pipeline import memory_needs
from services.inference.pipeline.pipeline import Pipeline
from services.inference.pipeline.registry import BoundOperation
from services.inference.pipeline.run import Run, Source
from services.inference.pipeline.stages import Stages
from services.pictures.operations import Arity
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox import Limits as SandboxLimits
from services.platform.sandbox import Sandbox
from tests.unit.inference.steps import process, reserved

Operate = Callable[[Medium, object, Step], Awaitable[Medium]]

CUTOUT = operation_pb2.Operation(remove_background={})
UPSCALE = operation_pb2.Operation(upscale={"factor": 2})
CLEAN = operation_pb2.Operation(remove_pdf_watermark={})
NOOP = operation_pb2.Operation(noop=Noop(steps=1))


class Surround:
    """Records what a pipeline tells."""

    def __init__(self, folder: Path) -> None:
        self.told: list[tuple[float, str]] = []
        self.notices: list[tuple[str, str, str]] = []
        self.stopped = False
        self._folder = folder

    def run(self, *sources: Source) -> Run:
        """A run that tells this."""
        return Run(
            folder=self._folder,
            report=lambda done, message: self.told.append((done, message)),
            check=self.check,
            notice=lambda *notice: self.notices.append(notice),
            stages=Stages(),
            keeping=None,
            sources=sources,
        )

    def check(self) -> None:
        if self.stopped:
            raise InterruptedError


@pytest.fixture
def surround(tmp_path: Path) -> Surround:
    return Surround(tmp_path)


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(preload=[isolated.__name__]) as made:
        yield made


def eight_copies(picture: Header | None, _parameters: object) -> int:
    return 0 if picture is None else copies_of_samples(picture, 8, 12)


class MakePipeline(Protocol):
    def __call__(
        self, *steps: tuple[operation_pb2.Operation, Operate], max_bytes: int = ..., megapixels: float = ..., memory: int = ...
    ) -> Pipeline: ...


@pytest.fixture
def pipeline(sandbox: Sandbox) -> MakePipeline:
    def make(
        *steps: tuple[operation_pb2.Operation, Operate], max_bytes: int = 1 << 20, megapixels: float = 1.0, memory: int = 1 << 30
    ) -> Pipeline:
        bound = [BoundOperation(operation, run, eight_copies) for operation, run in steps]
        limits = Limits(megapixels)
        # These operations do not call Triton.
        tools = Tools(
            triton=None,
            sandbox=sandbox,
            models=Models("", "", {}, 256),
            picture_limits=limits,
            picture_resources=SandboxLimits(memory_bytes=4 << 30),
            result_limits=limits,
            memory=MemoryBudget(memory),
            documents=DocumentLimits(1 << 30, 600, 30),
        )
        return Pipeline(tools, bound, max_bytes)

    return make


def picture(folder: Path, name: str = "portrait.jpg", height: int = 20, width: int = 30) -> Source:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    path = folder / "input"
    path.write_bytes(encode(Image(pixels)))
    return Source(name, path, 0)


async def halve(image: Image, _parameters: object, step: Step) -> Image:
    step.label("half")
    step.report(0.5, "Halving")
    return image.replace(pixels=np.ascontiguousarray(image.pixels[::2, ::2]))


async def invert(image: Image, _parameters: object, step: Step) -> Image:
    step.label("negative")
    step.notice("not_applied", "enhance_face", "Left out.")
    step.report(1, "Inverting")
    return image.replace(pixels=255 - image.pixels, note="Inverted.")


async def test_a_picture_goes_through_all_operations_and_is_encoded_once(
    pipeline: MakePipeline, tmp_path: Path, surround: Surround
) -> None:
    source = picture(tmp_path)
    product = await process(pipeline((CUTOUT, halve), (UPSCALE, invert)), surround.run(source))
    assert product is not None
    assert (product.name, product.media_type) == ("portrait-half-negative.png", "image/png")
    assert product.info == ImageInfo(width=15, height=10, frames=1)
    assert isinstance(product.content, bytes)
    original = decode(source.path.read_bytes(), Limits(1)).pixels
    np.testing.assert_array_equal(decode(product.content, Limits(1)).pixels, 255 - original[::2, ::2])
    assert surround.notices == [("not_applied", "enhance_face", "Left out."), ("picture_note", "", "Inverted.", {})]


@pytest.mark.parametrize(("note", "unchanged_bytes"), [("", True), ("Only the first of 3 frames or pages was used.", False)])
async def test_an_unchanged_picture_comes_back_with_its_bytes(
    pipeline: MakePipeline, tmp_path: Path, surround: Surround, note: str, unchanged_bytes: bool
) -> None:
    async def look(image: Image, _parameters: object, _step: Step) -> Image:
        return image.replace(pixels=image.pixels.copy(), **({"note": note} if note else {}))

    source = picture(tmp_path)
    run = surround.run(source)
    product = await process(pipeline((CUTOUT, look), (UPSCALE, look)), run)
    assert product is not None
    assert run.unchanged
    assert (product.content == source.path) is unchanged_bytes
    assert product.info == ImageInfo(width=30, height=20, frames=1)
    changed = surround.run(source)
    await process(pipeline((CUTOUT, look), (UPSCALE, invert)), changed)
    assert not changed.unchanged


async def test_progress_grows_over_the_whole_pipeline(pipeline: MakePipeline, tmp_path: Path, surround: Surround) -> None:
    await process(pipeline((CUTOUT, halve), (UPSCALE, invert)), surround.run(picture(tmp_path)))
    assert [message for _, message in surround.told] == ["Reading the file", "Halving", "Inverting", "Writing the result"]
    done = [part for part, _ in surround.told]
    assert done == sorted(done)
    assert done[0] == 0
    assert 0.2 < done[1] < 0.4
    assert done[-1] < 1


async def test_a_document_stays_a_file(pipeline: MakePipeline, tmp_path: Path, surround: Surround) -> None:
    async def clean(document: Document, _parameters: object, step: Step) -> Document:
        step.label("clean")
        target = step.folder / "output"
        target.write_bytes(document.path.read_bytes().replace(b"DRAFT", b""))
        return Document(target, document.pages)

    (tmp_path / "input").write_bytes(b"%PDF DRAFT")
    product = await process(pipeline((CLEAN, clean)), surround.run(Source("report.pdf", tmp_path / "input", 3)))
    assert product is not None
    assert isinstance(product.content, Path)
    assert product.content.read_bytes() == b"%PDF "
    assert (product.name, product.media_type, product.info) == ("report-clean.pdf", "application/pdf", DocumentInfo(pages=3))


async def test_attachments_come_after_the_result(pipeline: MakePipeline, tmp_path: Path, surround: Surround) -> None:
    async def clean(document: Document, _parameters: object, step: Step) -> Document:
        step.label("clean")
        return Document(document.path, document.pages, (Attachment("marks", "json", "application/json", b"{}"),))

    (tmp_path / "input").write_bytes(b"%PDF")
    product = await process(pipeline((CLEAN, clean)), surround.run(Source("report.pdf", tmp_path / "input", 3)))
    assert product is not None
    assert product.name == "report-clean.pdf"
    assert [(each.name, each.media_type, each.content) for each in product.attachments] == [
        ("report-marks.json", "application/json", b"{}")
    ]


async def test_an_examination_ends_the_pipeline(pipeline: MakePipeline, tmp_path: Path, surround: Surround) -> None:
    async def examine(_document: Document, _parameters: object, _step: Step) -> Examination:
        files = (Attachment("marks", "json", "application/json", b"{}"), Attachment("preview", "png", "image/png", tmp_path / "preview"))
        return Examination(files)

    (tmp_path / "input").write_bytes(b"%PDF")
    source = Source("report.pdf", tmp_path / "input", 3)
    product = await process(pipeline((CLEAN, examine)), surround.run(source))
    assert product is not None
    assert (product.name, product.content) == ("report-marks.json", b"{}")
    assert [(each.name, each.content) for each in product.attachments] == [("report-preview.png", tmp_path / "preview")]
    with pytest.raises(DarkroomError, match="cannot follow a dry run"):
        await process(pipeline((CLEAN, examine), (CLEAN, examine)), surround.run(source))


async def test_what_takes_no_input_gets_none_and_may_make_nothing(pipeline: MakePipeline, surround: Surround) -> None:
    seen: list[Medium] = []

    async def record(medium: None, _parameters: object, _step: Step) -> None:
        seen.append(medium)

    nothing = pipeline((NOOP, record))
    assert nothing.arity is Arity.NONE
    assert await process(nothing, surround.run()) is None
    assert seen == [None]


def test_operations_that_do_not_fit_are_refused(pipeline: MakePipeline) -> None:
    with pytest.raises(DarkroomError, match="upscale does not take what remove_pdf_watermark gives") as raised:
        pipeline((CLEAN, halve), (UPSCALE, halve))
    assert raised.value.reason is ErrorReason.MEDIA_UNSUPPORTED


async def test_a_cancellation_is_seen_between_operations(pipeline: MakePipeline, tmp_path: Path, surround: Surround) -> None:
    async def stop(image: Image, _parameters: object, _step: Step) -> Image:
        surround.stopped = True
        return image

    async def unreachable(_image: Image, _parameters: object, _step: Step) -> Image:
        raise AssertionError("ran after the cancellation")

    with pytest.raises(InterruptedError):
        await process(pipeline((CUTOUT, stop), (UPSCALE, unreachable)), surround.run(picture(tmp_path)))


async def test_a_picture_over_the_limits_is_refused_before_the_operations(
    pipeline: MakePipeline, tmp_path: Path, surround: Surround
) -> None:
    source = picture(tmp_path)
    for limited, reason in (
        (pipeline((CUTOUT, halve), max_bytes=100), ErrorReason.FILE_TOO_LARGE),
        (pipeline((CUTOUT, halve), megapixels=0.0001), ErrorReason.MEDIA_LIMIT_EXCEEDED),
    ):
        with pytest.raises(DarkroomError) as raised:
            await process(limited, surround.run(source))
        assert raised.value.reason is reason
        assert raised.value.allowed


async def test_a_picture_that_needs_more_memory_than_there_is_is_refused_before_it_is_decoded(
    pipeline: MakePipeline, surround: Surround, tmp_path: Path
) -> None:
    # 600 x 500 x 3 samples, eight times, and what is always needed.
    enough = memory_needs.ALWAYS + 8 * 900_000
    source = picture(tmp_path, height=500, width=600)
    with pytest.raises(DarkroomError) as refused:
        async with reserved(pipeline((CUTOUT, invert), memory=enough - 1), surround.run(source)):
            raise AssertionError("there is no room")
    assert refused.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    assert "needs about 263 MiB of memory" in refused.value.message
    async with reserved(pipeline((CUTOUT, invert), memory=enough), surround.run(source)):
        pass
    source.path.write_bytes(encode(Image(np.zeros((500, 600, 3), np.uint16))))
    with pytest.raises(DarkroomError, match="needs about 277 MiB"):
        async with reserved(pipeline((CUTOUT, invert), memory=enough), surround.run(source)):
            raise AssertionError("there is no room")
    # What a network sees of a gray picture is as large as a coloured one.
    source.path.write_bytes(encode(Image(np.zeros((500, 600, 1), np.uint8))))
    with pytest.raises(DarkroomError, match="needs about 263 MiB"):
        async with reserved(pipeline((CUTOUT, invert), memory=enough - 1), surround.run(source)):
            raise AssertionError("there is no room")


async def test_a_second_picture_waits_until_the_first_one_is_done_and_says_so(
    pipeline: MakePipeline, surround: Surround, tmp_path: Path
) -> None:
    line = pipeline((CUTOUT, invert), memory=memory_needs.ALWAYS * 2)
    source = picture(tmp_path, height=500, width=600)
    entered = asyncio.Event()

    async def second() -> None:
        async with reserved(line, surround.run(source)):
            entered.set()

    async with reserved(line, surround.run(source)):
        waiting = asyncio.create_task(second())
        async with asyncio.timeout(30):
            while (0, "Waiting for memory") not in surround.told:
                await asyncio.sleep(0.01)
        assert not entered.is_set()
    await asyncio.wait_for(waiting, 30)
    assert entered.is_set()


async def test_what_an_operation_needs_beside_its_input_is_fetched_once_counted_and_decoded(
    pipeline: MakePipeline, surround: Surround, tmp_path: Path
) -> None:
    beside = tmp_path / "beside"
    beside.mkdir()
    fetched: list[int] = []

    async def fetch(file_id: int) -> Source:
        fetched.append(file_id)
        return replace(picture(beside, height=300, width=400), name="beach.png")

    async def mixed(image: Image, parameters: RemoveBackground, step: Step) -> Image:
        backdrop = await step.auxiliary(parameters.background_file_id)
        return image.replace(pixels=np.ascontiguousarray(backdrop.pixels[: image.height, : image.width]))

    over = operation_pb2.Operation(remove_background={"background_file_id": 7})
    source = picture(tmp_path, height=200, width=300)
    enough = memory_needs.ALWAYS + 8 * 200 * 300 * 3 + 2 * 300 * 400 * 3
    short, line = pipeline((over, mixed), memory=enough - 1), pipeline((over, mixed), (over, mixed), memory=enough)
    for each in (short, line):
        await each.prepare(fetch)
    assert fetched == [7, 7]
    with pytest.raises(DarkroomError, match="needs about"):
        async with reserved(short, surround.run(source)):
            raise AssertionError("there is no room")
    product = await process(line, surround.run(source))
    assert product is not None
    result = decode(product.content, Limits())
    np.testing.assert_array_equal(result.pixels, decode((beside / "input").read_bytes(), Limits()).pixels[:200, :300])
    # Half of a file has a good header.
    (beside / "input").write_bytes((beside / "input").read_bytes()[:60_000])
    with pytest.raises(DarkroomError, match=r"beach\.png: The png picture is truncated"):
        await process(line, surround.run(source))
