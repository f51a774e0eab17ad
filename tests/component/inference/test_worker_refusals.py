"""Operations that cannot be done, through the worker: bad input, limits, cancellation, and parts that are away."""

import asyncio

import numpy as np
import psutil
import pytest

from darkroom.common.v1.errors_pb2 import ErrorReason
from darkroom.operations.v1 import operation_pb2
from tests.component.inference.conftest import World
from tests.component.inference.pictures import TEXT, WATERMARK, disc, opened, pdf, png
from tests.stacks import StackUnderTest
from tests.unit.pdf import protections

CUTOUT = operation_pb2.Operation(remove_background={})
UPSCALE = operation_pb2.Operation(upscale={"factor": 2})
CLEAN = operation_pb2.Operation(remove_pdf_watermark={})


async def test_a_damaged_document_fails_the_task(world: World) -> None:
    source = await world.files.add("report.pdf", "application/pdf", b"%PDF-1.7\nnothing more", pages=1)
    async with world.worker():
        task = await world.submit([CLEAN], source)
        await world.finished(task)
    assert task.failed is not None
    assert ErrorReason.Name(task.failed.reason) == "ERROR_REASON_FILE_CORRUPT"
    assert task.failed.message.startswith("report.pdf: ")


@pytest.mark.parametrize("operation", ["remove_pdf_watermark", "redraw_pdf"])
async def test_protected_documents_fail_the_task_unless_the_call_allows_it(world: World, operation: str) -> None:
    for content, reason, option in (
        (protections.protected(pdf(TEXT + WATERMARK), protections.certified), "FILE_SIGNED", {"allow_signed": True}),
        (protections.locked(pdf(TEXT + WATERMARK)), "FILE_LOCKED", {"owner_password": protections.OWNER}),
    ):
        source = await world.files.add("report.pdf", "application/pdf", content, pages=1)
        async with world.worker():
            task = await world.submit([operation_pb2.Operation(**{operation: {}})], source)
            await world.finished(task)
        assert task.failed is not None
        assert ErrorReason.Name(task.failed.reason) == f"ERROR_REASON_{reason}"
        assert task.failed.message.startswith("report.pdf: The document")
        assert next(iter(option)) in task.failed.message
        if operation == "remove_pdf_watermark":
            async with world.worker():
                task = await world.submit([operation_pb2.Operation(remove_pdf_watermark=option)], source)
                await world.finished(task)
            assert task.completed is not None, task.failed
            assert [notice.code for notice in task.completed.notices] == ["watermark_removed", "document_warning"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"this is text", "MEDIA_UNSUPPORTED"), (png(disc())[:300], "FILE_CORRUPT")],
    ids=["no picture", "truncated"],
)
async def test_a_bad_picture_fails_the_task_and_names_the_file(world: World, content: bytes, reason: str) -> None:
    source = await world.files.add("bad.png", "image/png", content)
    async with world.worker():
        task = await world.submit([CUTOUT], source)
        await world.finished(task)
    assert task.failed is not None
    assert ErrorReason.Name(task.failed.reason) == f"ERROR_REASON_{reason}"
    assert task.failed.message.startswith("bad.png: ")


@pytest.mark.parametrize("limit", [{"max_result_megapixels": 0.1}, {"operation_seconds": 0.01}], ids=["pixels", "seconds"])
async def test_a_result_over_a_limit_is_refused(neural_world: World, limit: dict[str, float]) -> None:
    source = await neural_world.files.add("disc.png", "image/png", png(disc()))
    async with neural_world.worker(**limit):
        task = await neural_world.submit([UPSCALE], source)
        await neural_world.finished(task)
    assert task.failed is not None
    assert ErrorReason.Name(task.failed.reason) == "ERROR_REASON_MEDIA_LIMIT_EXCEEDED"


async def test_an_input_that_changed_after_it_was_accepted_is_refused(world: World) -> None:
    source = await world.files.add("disc.png", "image/png", png(disc()))
    await world.files.replace(source, png(disc(161)))
    async with world.worker():
        task = await world.submit([CUTOUT], source)
        await world.finished(task)
    assert task.failed is not None
    assert ErrorReason.Name(task.failed.reason) == "ERROR_REASON_FILE_SIZE_MISMATCH"
    assert "disc.png" in task.failed.message
    assert "changed after it was accepted" in task.failed.message


async def test_a_model_that_is_not_installed_is_named(neural_world: World) -> None:
    source = await neural_world.files.add("disc.png", "image/png", png(disc()))
    async with neural_world.worker(model_cutout="birefnet", triton_patience_seconds=30):
        task = await neural_world.submit([CUTOUT], source)
        await neural_world.finished(task)
    assert task.failed is not None
    assert ErrorReason.Name(task.failed.reason) == "ERROR_REASON_OPERATION_UNAVAILABLE"
    assert "birefnet" in task.failed.message


@pytest.mark.thorough
@pytest.mark.breaks("triton")
async def test_a_model_server_that_stays_away_is_reported_as_passing(neural_world: World, components: StackUnderTest) -> None:
    source = await neural_world.files.add("disc.png", "image/png", png(disc(1200)))
    # Small tiles, so that the work is under way for a while.
    async with neural_world.worker(upscale_tile=96, triton_patience_seconds=2):
        task = await neural_world.submit([UPSCALE], source)
        await neural_world.tasks.until(lambda: any(beat.message.startswith("Upscaling tile") for beat in task.heartbeats))
        await asyncio.to_thread(components.stop, "triton")
        await neural_world.finished(task)
    assert task.failed is not None
    assert ErrorReason.Name(task.failed.reason) == "ERROR_REASON_UNAVAILABLE"
    assert "model server" in task.failed.message


@pytest.mark.thorough
@pytest.mark.breaks("triton")
async def test_a_model_server_that_comes_back_is_waited_for(neural_world: World, components: StackUnderTest) -> None:
    source = await neural_world.files.add("disc.png", "image/png", png(disc(1200)))
    async with neural_world.worker(upscale_tile=96, triton_patience_seconds=150):
        task = await neural_world.submit([UPSCALE], source)
        await neural_world.tasks.until(lambda: any(beat.message.startswith("Upscaling tile") for beat in task.heartbeats))
        await asyncio.to_thread(components.restart, "triton")
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    assert opened(await neural_world.files.content(task.completed.output_file_ids[0])).width == 2400


@pytest.mark.thorough
@pytest.mark.breaks("triton")
async def test_a_model_whose_process_is_killed_is_waited_for(neural_world: World, components: StackUnderTest) -> None:
    source = await neural_world.files.add("disc.png", "image/png", png(disc(1200)))
    async with neural_world.worker(upscale_tile=96, triton_patience_seconds=150):
        task = await neural_world.submit([UPSCALE], source)
        await neural_world.tasks.until(lambda: any(beat.message.startswith("Upscaling tile") for beat in task.heartbeats))
        server = psutil.Process(await asyncio.to_thread(components.pid, "triton"))
        [model] = [child for child in server.children() if any(word.startswith("realesr_animevideov3_x2_0") for word in child.cmdline())]
        model.kill()
        await neural_world.finished(task)
    # The server ends by itself and is started again; the next test finds it ready.
    await asyncio.to_thread(server.wait, 90)
    await asyncio.to_thread(components.wait_ready, "triton")
    assert task.completed is not None, task.failed
    assert opened(await neural_world.files.content(task.completed.output_file_ids[0])).width == 2400


async def test_a_picture_that_would_pass_the_memory_of_the_worker_is_refused_before_it_is_decoded(neural_world: World) -> None:
    # 8.4 megapixels: about 450 MiB, when it is cut out; half of it takes 100 less.
    large = await neural_world.files.add("large.png", "image/png", png(np.zeros((2900, 2900, 3), np.uint8)))
    smaller = await neural_world.files.add("smaller.png", "image/png", png(np.zeros((1450, 2900, 3), np.uint8)))
    async with neural_world.worker(memory_bytes=400 << 20, lanes={"neural": 2}):
        refused = await neural_world.submit([CUTOUT], large)
        await neural_world.finished(refused)
        # Only one of them has room at a time.
        both = [await neural_world.submit([CUTOUT], smaller) for _ in range(2)]
        for task in both:
            await neural_world.finished(task)
    assert refused.failed is not None
    assert ErrorReason.Name(refused.failed.reason) == "ERROR_REASON_MEDIA_LIMIT_EXCEEDED"
    assert refused.failed.message == "large.png: The file needs about 449 MiB of memory, and a worker has 400 MiB."
    assert all(task.completed is not None for task in both)


async def test_a_cancelled_upscale_stops_at_once_and_says_nothing(neural_world: World) -> None:
    large = await neural_world.files.add("large.png", "image/png", png(disc(2000)))
    small = await neural_world.files.add("small.png", "image/png", png(disc(32)))
    async with neural_world.worker(upscale_tile=96, lanes={"neural": 1}):
        task = await neural_world.submit([UPSCALE], large)
        await neural_world.tasks.until(lambda: any(beat.message.startswith("Upscaling tile") for beat in task.heartbeats))
        task.current = False
        # The lane has one slot: it is free again.
        after = await neural_world.submit([UPSCALE], small)
        await neural_world.finished(after)
    assert after.completed is not None, after.failed
    assert not task.reported
    assert task.heartbeats[-1].progress < 1
    progress = [beat.progress for beat in task.heartbeats]
    assert progress == sorted(progress)


@pytest.mark.breaks("s3")
async def test_object_storage_that_is_away_is_reported_as_passing(world: World, components: StackUnderTest) -> None:
    source = await world.files.add("disc.png", "image/png", png(disc()))
    await asyncio.to_thread(components.stop, "s3")
    async with world.worker():
        task = await world.submit([CUTOUT], source)
        await world.finished(task)
    assert task.failed is not None
    assert ErrorReason.Name(task.failed.reason) == "ERROR_REASON_UNAVAILABLE"
    assert "Object storage" in task.failed.message
