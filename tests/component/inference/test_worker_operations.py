"""Operations through the worker: real queue, storage and model server with tiny models."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from pypdf import PdfReader

from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.blur_background_pb2 import BLUR_LEVEL_HIGH, BLUR_TYPE_LENS
from darkroom.operations.v1.placement_pb2 import FIT_CANVAS, FIT_CROP
from darkroom.operations.v1.remove_background_pb2 import CUTOUT_FORMAT_WEBP, CUTOUT_QUALITY_FAST, SUBJECT_PRODUCT
from darkroom.operations.v1.upscale_pb2 import ENHANCEMENT_FACE, ENHANCEMENT_QUALITY, ENHANCEMENT_TEXT
from tests.component.inference.conftest import World
from tests.component.inference.pictures import TEXT, WATERMARK, disc, opened, pdf, png

ROOT = Path(__file__).parents[3]
CUTOUT = operation_pb2.Operation(remove_background={})
UPSCALE = operation_pb2.Operation(upscale={"factor": 2})
CLEAN = operation_pb2.Operation(remove_pdf_watermark={})


async def test_a_picture_is_cut_out(neural_world: World) -> None:
    pixels = disc()
    source = await neural_world.files.add("disc.png", "image/png", png(pixels))
    async with neural_world.worker():
        task = await neural_world.submit([CUTOUT], source)
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    (output,) = task.completed.output_file_ids
    stored = neural_world.files.files[output]
    assert stored.finalized
    assert (stored.record.name, stored.record.media_type) == ("disc-cutout.png", "image/png")
    assert (stored.record.image.width, stored.record.image.height) == (160, 160)
    result = opened(await neural_world.files.content(output))
    assert result.alpha is not None
    assert result.alpha[80, 80] == 255
    assert result.alpha[2, 2] == 0
    np.testing.assert_array_equal(result.pixels[80, 80], pixels[80, 80])
    assert not result.pixels[result.alpha == 0].any()
    assert list(task.completed.notices) == []


async def test_bitmaps_and_drawings_are_worked_on(neural_world: World) -> None:
    bitmap = io.BytesIO()
    PillowImage.fromarray(disc()).save(bitmap, "BMP")
    drawing = b"""<svg xmlns="http://www.w3.org/2000/svg" width="160" height="160">
        <rect width="160" height="160" fill="#28a03c"/><circle cx="80" cy="80" r="48" fill="#dc1e28"/></svg>"""
    sources = [
        await neural_world.files.add("disc.bmp", "image/bmp", bitmap.getvalue()),
        await neural_world.files.add("disc.svg", "image/svg+xml", drawing),
    ]
    async with neural_world.worker():
        task = await neural_world.submit([CUTOUT, UPSCALE], *sources)
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    stored = [neural_world.files.files[output].record for output in task.completed.output_file_ids]
    assert [record.name for record in stored] == ["disc-cutout-2x.png", "disc-cutout-2x-2.png"]
    for output in task.completed.output_file_ids:
        result = opened(await neural_world.files.content(output))
        assert result.alpha is not None
        assert (result.width, result.alpha[160, 160], result.alpha[4, 4]) == (320, 255, 0)
        assert np.abs(result.pixels[160, 160].astype(int) - (220, 30, 40)).max() <= 8


@pytest.mark.thorough
async def test_a_cutout_over_a_colour_is_written_as_webp(neural_world: World) -> None:
    pixels = disc()
    source = await neural_world.files.add("disc.png", "image/png", png(pixels))
    wishes = {
        "background_color": "#0a78C8",
        "format": CUTOUT_FORMAT_WEBP,
        "keep_shadow": True,
        "quality": CUTOUT_QUALITY_FAST,
        "subject": SUBJECT_PRODUCT,
    }
    async with neural_world.worker():
        task = await neural_world.submit([operation_pb2.Operation(remove_background=wishes)], source)
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    (output,) = task.completed.output_file_ids
    stored = neural_world.files.files[output]
    assert (stored.record.name, stored.record.media_type) == ("disc-cutout.webp", "image/webp")
    result = opened(await neural_world.files.content(output))
    assert result.alpha is None
    assert result.pixels[2, 2].tolist() == [0x0A, 0x78, 0xC8]
    np.testing.assert_array_equal(result.pixels[80, 80], pixels[80, 80])
    # There is no shadow around the disc, and the fast quality treats all subjects alike.
    assert [(notice.code, notice.subject) for notice in task.completed.notices] == [
        ("not_applied", "keep_shadow"),
        ("not_applied", "subject"),
    ]


async def test_cutouts_over_a_picture_are_trimmed_afterwards_and_left_where_nothing_was_cut(neural_world: World) -> None:
    pixels, empty = disc(), np.full((96, 128, 3), (90, 120, 60), np.uint8)
    backdrop = np.zeros((80, 320, 3), np.uint8)
    backdrop[..., 0] = np.arange(320, dtype=np.uint16) * 255 // 319
    sources = [
        await neural_world.files.add("disc.png", "image/png", png(pixels)),
        await neural_world.files.add("wall.png", "image/png", png(empty)),
    ]
    beside = await neural_world.files.add("sunset.png", "image/png", png(backdrop))
    operation = operation_pb2.Operation(remove_background={"background_file_id": beside, "trim": True, "quality": CUTOUT_QUALITY_FAST})
    async with neural_world.worker():
        task = await neural_world.submit([operation], *sources)
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    over, left = [opened(await neural_world.files.content(output)) for output in task.completed.output_file_ids]
    assert over.alpha is None
    size = over.pixels.shape[0]
    assert over.pixels.shape == (size, size, 3)
    assert 60 < size < 150
    start = (160 - size) // 2
    np.testing.assert_array_equal(over.pixels[size // 2, size // 2], pixels[start + size // 2, start + size // 2])
    # Of a picture four times as wide as high the middle quarter is behind the whole input, twice as large.
    shown = (120 + (start + 0.5) / 2) / 320 * 255
    assert abs(int(over.pixels[0, 0, 0]) - shown) <= 3
    np.testing.assert_array_equal(left.pixels, empty)
    assert [(notice.code, notice.subject) for notice in task.completed.notices] == [
        ("no_subject_found", ""),
        ("not_applied", "background_file_id"),
        ("not_applied", "trim"),
    ]


@pytest.mark.thorough
async def test_what_is_behind_the_subject_is_blurred(neural_world: World) -> None:
    pixels = disc()
    # Lines in the corner, far from the red disc, and too faint to be taken for another subject.
    pixels[:32:2, :32] = (46, 150, 66)
    source = await neural_world.files.add("disc.png", "image/png", png(pixels))
    wishes = {"type": BLUR_TYPE_LENS, "level": BLUR_LEVEL_HIGH}
    async with neural_world.worker():
        task = await neural_world.submit([operation_pb2.Operation(blur_background=wishes), operation_pb2.Operation(resize={})], source)
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    (output,) = task.completed.output_file_ids
    assert neural_world.files.files[output].record.name == "disc-blurred-160x160.png"
    result = opened(await neural_world.files.content(output))
    assert result.alpha is None
    np.testing.assert_array_equal(result.pixels[80, 80], pixels[80, 80])
    assert np.ptp(result.pixels[10:22, 16].astype(int), axis=0).max() <= 3
    assert list(task.completed.notices) == []


async def test_a_picture_without_a_subject_comes_back_with_a_notice(neural_world: World) -> None:
    empty = np.full((96, 128, 3), (90, 120, 60), np.uint8)
    source = await neural_world.files.add("wall.png", "image/png", png(empty))
    async with neural_world.worker():
        task = await neural_world.submit([CUTOUT], source)
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    result = opened(await neural_world.files.content(task.completed.output_file_ids[0]))
    np.testing.assert_array_equal(result.pixels, empty)
    assert result.alpha is None
    (notice,) = task.completed.notices
    assert notice.code == "no_subject_found"
    assert "wall.png" in notice.message
    assert json.loads(notice.details_json)["subjects"] == []


async def test_a_pipeline_gives_one_output_with_what_was_left_out(neural_world: World) -> None:
    source = await neural_world.files.add("disc.png", "image/png", png(disc()))
    upscale = operation_pb2.Operation(upscale={"factor": 4, "enhancements": [ENHANCEMENT_FACE, ENHANCEMENT_TEXT]})
    async with neural_world.worker():
        task = await neural_world.submit([CUTOUT, upscale], source)
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    (output,) = task.completed.output_file_ids
    assert neural_world.files.files[output].record.name == "disc-cutout-4x.png"
    result = opened(await neural_world.files.content(output))
    assert (result.width, result.height) == (640, 640)
    assert result.alpha is not None
    assert result.alpha[320, 320] == 255
    # The tiny text detector takes the cut-out's edge for text.
    assert [(notice.code, notice.subject) for notice in task.completed.notices] == [("not_applied", "enhance_face"), ("model_used", "")]
    assert task.completed.notices[0].message == "No face of 40 pixels or more was found in disc.png, so nothing was enhanced."


async def test_faces_are_enhanced_and_the_rest_is_what_it_was(neural_world: World) -> None:
    portrait = opened((ROOT / "samples" / "portrait.jpg").read_bytes()).pixels[16:224, 120:328]
    source = await neural_world.files.add("portrait.png", "image/png", png(portrait))
    tasks = []
    async with neural_world.worker(upscale_faithful_megapixels=0):
        for wishes in ([], [ENHANCEMENT_FACE]):
            tasks.append(await neural_world.submit([operation_pb2.Operation(upscale={"factor": 2, "enhancements": wishes})], source))
            await neural_world.finished(tasks[-1])
    results, notices = [], []
    for task in tasks:
        assert task.completed is not None, task.failed
        results.append(opened(await neural_world.files.content(task.completed.output_file_ids[0])).pixels)
        notices.append(task.completed.notices)
    plain, enhanced = results
    assert [notice.code for notice in notices[0]] == ["model_used"]
    used, notice = notices[1]
    assert (used.code, notice.code, notice.subject) == ("model_used", "faces_enhanced", "enhance_face")
    assert notice.message == "1 face of portrait.png enlarged by realesr_animevideov3_x2 and realesrgan_x4plus together."
    details = json.loads(notice.details_json)
    (box,) = details["faces"]
    assert details["found"] == 1
    inside = np.zeros(plain.shape[:2], bool)
    inside[2 * box["top"] : 2 * (box["top"] + box["height"]), 2 * box["left"] : 2 * (box["left"] + box["width"])] = True
    assert 0.2 < inside.mean() < 0.8
    np.testing.assert_array_equal(enhanced[~inside], plain[~inside])
    # Tiny networks, both bilinear, differ by what making the larger one's result smaller takes away.
    assert (enhanced[inside] != plain[inside]).mean() > 0.05


async def test_noise_is_told_to_the_network_and_all_of_it_removed_where_that_is_wanted(neural_world: World) -> None:
    noise = np.clip(np.random.default_rng(1).normal(120, 25, (60, 80, 3)), 0, 255).astype(np.uint8)
    source = await neural_world.files.add("noise.png", "image/png", png(noise))
    spread = []
    async with neural_world.worker():
        for wishes in ([], [ENHANCEMENT_QUALITY]):
            task = await neural_world.submit([operation_pb2.Operation(upscale={"factor": 2, "enhancements": wishes})], source)
            await neural_world.finished(task)
            assert task.completed is not None, task.failed
            (notice,) = task.completed.notices
            assert notice.message == "Enlarged 2 times by srmd_upscale_x2 on a CPU, for a noise level of 27."
            result = opened(await neural_world.files.content(task.completed.output_file_ids[0]))
            spread.append(result.pixels.astype(float).std())
    assert spread[0] < 0.9 * noise.std()
    assert spread[1] < 0.9 * spread[0]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [({"upscale_face_megapixels": 0.01}, "too large to enhance on a CPU"), ({"model_upscale_fine": ""}, "needs both")],
)
async def test_why_faces_were_not_enhanced(neural_world: World, settings: dict[str, object], reason: str) -> None:
    portrait = opened((ROOT / "samples" / "portrait.jpg").read_bytes()).pixels[16:224, 120:328]
    source = await neural_world.files.add("portrait.png", "image/png", png(portrait))
    async with neural_world.worker(**settings):
        task = await neural_world.submit([operation_pb2.Operation(upscale={"enhancements": [ENHANCEMENT_FACE]})], source)
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    left_out, used = task.completed.notices
    assert (left_out.code, left_out.subject, used.code) == ("not_applied", "enhance_face", "model_used")
    assert reason in left_out.message


async def test_each_input_gives_an_output_under_its_own_name(neural_world: World) -> None:
    sources = [
        await neural_world.files.add(name, "image/png", png(disc(64 + 8 * number)))
        for number, name in enumerate(["a.png", "a.jpg", "b.png"])
    ]
    upscale = operation_pb2.Operation(upscale={"enhancements": [ENHANCEMENT_FACE]})
    async with neural_world.worker():
        task = await neural_world.submit([upscale], *sources)
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    records = [neural_world.files.files[output].record for output in task.completed.output_file_ids]
    assert [record.name for record in records] == ["a-2x.png", "a-2x-2.png", "b-2x.png"]
    assert [record.image.width for record in records] == [128, 144, 160]
    # What was said of one of them is said once of all; where no face was found, each is named.
    assert sorted(notice.code for notice in task.completed.notices) == ["model_used", "not_applied", "not_applied", "not_applied"]
    assert list((neural_world.folder / "work").iterdir()) == []


async def test_a_model_that_upscales_more_than_asked_for_is_scaled_down(neural_world: World) -> None:
    source = await neural_world.files.add("disc.png", "image/png", png(disc()))
    async with neural_world.worker(model_upscale_2="realesrgan_x4plus", model_upscale_faithful_2=""):
        task = await neural_world.submit([UPSCALE], source)
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    result = opened(await neural_world.files.content(task.completed.output_file_ids[0]))
    assert (result.width, result.height) == (320, 320)


@pytest.mark.cases(3)
@pytest.mark.parametrize(
    ("parameters", "name", "size", "models"),
    [
        ({"factor": 3}, "disc-3x.png", (288, 192), ["srmd_upscale_x4"]),
        ({"factor": 8}, "disc-8x.png", (768, 512), ["srmd_upscale_x2", "realesr_animevideov3_x4"]),
        ({"longest_side": 180}, "disc-180x120.png", (180, 120), ["srmd_upscale_x2"]),
        ({"width": 48}, "disc-48x32.png", (48, 32), []),
        (
            {"resize": {"width": 300, "height": 300, "fit": FIT_CROP}},
            "disc-300x300.png",
            (300, 300),
            ["srmd_upscale_x2", "realesr_animevideov3_x3"],
        ),
        ({"resize": {"width": 1200}}, "disc-1200x800.png", (1200, 800), ["srmd_upscale_x2", "realesr_animevideov3_x4"]),
        ({"resize": {"width_percent": 50}}, "disc-48x32.png", (48, 32), []),
        ({"resize": {"width": 200, "height": 200, "fit": FIT_CANVAS}}, "disc-200x200.png", (200, 200), ["srmd_upscale_x4"]),
    ],
)
async def test_sizes_and_the_models_that_make_them(
    neural_world: World, parameters: dict[str, Any], name: str, size: tuple[int, int], models: list[str]
) -> None:
    source = await neural_world.files.add("disc.png", "image/png", png(disc(96)[:64]))
    async with neural_world.worker(upscale_faithful_megapixels=0.01):
        task = await neural_world.submit([operation_pb2.Operation(upscale=parameters)], source)
        await neural_world.finished(task)
    assert task.completed is not None, task.failed
    (output,) = task.completed.output_file_ids
    assert neural_world.files.files[output].record.name == name
    result = opened(await neural_world.files.content(output))
    assert (result.width, result.height) == size
    used = [json.loads(notice.details_json) for notice in task.completed.notices if notice.code == "model_used"]
    assert [(each["model"], each["device"]) for each in used] == [(model, "processor") for model in models]
    assert [notice.code for notice in task.completed.notices if notice.code != "model_used"] == ([] if models else ["not_enlarged"])


async def test_a_watermark_is_removed_from_every_page(world: World) -> None:
    source = await world.files.add("report.pdf", "application/pdf", pdf(TEXT + WATERMARK, TEXT), pages=2)
    async with world.worker():
        task = await world.submit([CLEAN], source)
        await world.finished(task)
    assert task.completed is not None, task.failed
    (output,) = task.completed.output_file_ids
    record = world.files.files[output].record
    assert (record.name, record.media_type, record.document.pages) == ("report-clean.pdf", "application/pdf", 2)
    pages = PdfReader(io.BytesIO(await world.files.content(output))).pages
    assert [page.extract_text().strip() for page in pages] == ["Quarterly report", "Quarterly report"]
    (notice,) = task.completed.notices
    assert notice.code == "watermark_removed"
    assert json.loads(notice.details_json) == {"pages": [1], "method": "artifact", "detail": "Artifact of subtype Watermark"}


async def test_a_report_is_delivered_after_the_documents(world: World) -> None:
    sources = [await world.files.add(f"{name}.pdf", "application/pdf", pdf(TEXT + WATERMARK), pages=1) for name in ("a", "b")]
    async with world.worker():
        task = await world.submit([operation_pb2.Operation(remove_pdf_watermark={"report": True})], *sources)
        await world.finished(task)
    assert task.completed is not None, task.failed
    names = [world.files.files[output].record.name for output in task.completed.output_file_ids]
    assert names == ["a-clean.pdf", "b-clean.pdf", "a-marks.json", "b-marks.json"]
    assert task.completed.copies == 2  # not charged for
    report = json.loads(await world.files.content(task.completed.output_file_ids[2]))
    assert (report["file"], report["dry_run"], report["pages"], report["changed"]) == ("a.pdf", False, 1, True)
    assert report["removed"] == [{"page": 1, "method": "artifact", "detail": "Artifact of subtype Watermark"}]


async def test_a_dry_run_gives_a_report_and_a_picture(world: World) -> None:
    source = await world.files.add("report.pdf", "application/pdf", pdf(TEXT + WATERMARK), pages=1)
    async with world.worker():
        task = await world.submit([operation_pb2.Operation(remove_pdf_watermark={"dry_run": True})], source)
        await world.finished(task)
    assert task.completed is not None, task.failed
    found, preview = task.completed.output_file_ids
    assert [world.files.files[output].record.name for output in (found, preview)] == ["report-marks.json", "report-preview.png"]
    report = json.loads(await world.files.content(found))
    assert (report["dry_run"], report["preview_page"], len(report["removed"])) == (True, 1, 1)
    shown = opened(await world.files.content(preview)).pixels
    middle = shown.shape[1] // 2
    assert (shown[:, :middle] < 100).sum() > (shown[:, -middle:] < 100).sum() > 0
    assert [notice.code for notice in task.completed.notices] == ["watermark_found"]


async def test_a_document_without_a_watermark_comes_back_byte_for_byte_with_a_notice(world: World) -> None:
    content = pdf(TEXT)
    source = await world.files.add("report.pdf", "application/pdf", content, pages=1)
    async with world.worker():
        task = await world.submit([CLEAN], source)
        await world.finished(task)
    assert task.completed is not None, task.failed
    assert await world.files.content(task.completed.output_file_ids[0]) == content
    assert task.completed.unchanged == 1
    (notice,) = task.completed.notices
    assert notice.code == "no_watermark_found"
    assert "report.pdf" in notice.message
