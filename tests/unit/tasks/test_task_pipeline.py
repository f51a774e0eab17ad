"""Operations that fit together, their lane, the files they make, and the media they take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from darkroom.operations.v1 import (
    archive_pb2,
    noop_pb2,
    operation_pb2,
    options_pb2,
    placement_pb2,
    remove_background_pb2,
    remove_pdf_watermark_pb2,
    upscale_pb2,
)
from services.pictures.operations import LANES_BEFORE, lanes, specs
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.media_checks import FORMATS, MediaLimits, check_media
from services.tasks.domain.plan import Flow, check_pipeline, flows_of, lane_of, lanes_of, outputs_of
from services.tasks.model.media import InputFile

CUT_OUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
CLEAN_PDF = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark())
ARCHIVE = operation_pb2.Operation(archive=archive_pb2.Archive())
NOOP = operation_pb2.Operation(noop=noop_pb2.Noop())
GPT = operation_pb2.Operation(gpt_image_2={"prompt": "A cup", "count": 4})
BANANA = operation_pb2.Operation(nano_banana_2={"prompt": "A cup"})
LIMITS = MediaLimits(megapixels=100, result_megapixels=400, video_seconds=60, moving_megapixels=4000)


def upscale(factor: int = 0) -> operation_pb2.Operation:
    return operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=factor))


def image(width: int, height: int, media_type: str = "image/png") -> InputFile:
    return InputFile(id=1, media_type=media_type, image_size=(width, height), frames=1)


@pytest.mark.parametrize("operations", [[CUT_OUT], [upscale(), CUT_OUT], [CUT_OUT, upscale(4), upscale(2)], [CLEAN_PDF, CLEAN_PDF]])
def test_what_fits_together_passes(operations: Sequence[operation_pb2.Operation]) -> None:
    check_pipeline(operations, 1, diagnostics=False)


@pytest.mark.parametrize(("operations", "inputs"), [([GPT], 0), ([GPT, upscale()], 16), ([BANANA, CUT_OUT], 14), ([BANANA], 0)])
def test_references_may_be_many_or_none(operations: Sequence[operation_pb2.Operation], inputs: int) -> None:
    check_pipeline(operations, inputs, diagnostics=False)


@pytest.mark.parametrize(
    ("operations", "inputs", "field"),
    [
        ([GPT], 17, "input_file_ids"),
        ([BANANA], 15, "input_file_ids"),
        ([CUT_OUT, GPT], 1, "operations[1]"),
        ([GPT, BANANA], 1, "operations[1]"),
        ([CUT_OUT, CLEAN_PDF], 1, "operations[1]"),
        ([CLEAN_PDF, upscale()], 1, "operations[1]"),
        ([CUT_OUT, upscale(), NOOP], 1, "operations[2]"),
        ([CUT_OUT], 0, "input_file_ids"),
        ([NOOP], 1, "input_file_ids"),
    ],
)
def test_what_does_not_fit_is_named(operations: Sequence[operation_pb2.Operation], inputs: int, field: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        check_pipeline(operations, inputs, diagnostics=True)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, field)


def test_every_operation_has_a_lane_and_formats_for_what_it_takes() -> None:
    assert lanes() == ["document", "gpt_image_2", "interactive", "nano_banana_2", "neural", "pages", "picture", "system"]
    assert set(LANES_BEFORE) | set(LANES_BEFORE.values()) <= set(lanes())
    assert lane_of([CUT_OUT, upscale()], ()) == "neural"
    for spec in specs().values():
        assert (spec.accepts in FORMATS) == (spec.accepts not in (options_pb2.MEDIA_KIND_UNSPECIFIED, options_pb2.MEDIA_KIND_ANY))


def test_what_looks_at_a_file_gives_data() -> None:
    look = operation_pb2.Operation(inspect_picture={})
    check_pipeline([look], 1, diagnostics=False)
    assert outputs_of([look], 3) == 3
    check_pipeline([CUT_OUT, look], 1, diagnostics=False)
    with pytest.raises(DarkroomError, match="takes an image, but inspect_picture gives data"):
        check_pipeline([look, CUT_OUT], 1, diagnostics=False)


def test_one_file_is_made_of_each_input() -> None:
    assert outputs_of([CUT_OUT, upscale()], 3) == 3
    assert outputs_of([NOOP], 0) == 0
    assert outputs_of([ARCHIVE], 3) == 1


def test_an_archive_takes_any_files_and_stands_alone() -> None:
    check_pipeline([ARCHIVE], 2, diagnostics=False)
    for operations in ([CUT_OUT, ARCHIVE], [ARCHIVE, ARCHIVE], [ARCHIVE, CUT_OUT]):
        with pytest.raises(DarkroomError) as refused:
            check_pipeline(operations, 1, diagnostics=False)
        assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "operations[1]")
    with pytest.raises(DarkroomError, match="needs a file"):
        check_pipeline([ARCHIVE], 0, diagnostics=False)


def test_as_many_are_made_of_references_as_were_asked_for() -> None:
    assert flows_of([GPT, upscale()], 3) == [Flow(3, 4), Flow(4, 4)]
    assert (outputs_of([GPT, upscale()], 3), outputs_of([BANANA], 0)) == (4, 1)


def test_the_size_of_references_does_not_bound_what_is_made_of_them() -> None:
    check_media([image(10_000, 10_000)], ["f"], [GPT, upscale(4)], LIMITS, None)


@pytest.mark.parametrize(
    ("width", "height", "operations"),
    [
        (10_000, 10_000, [CUT_OUT]),
        (10_000, 10_000, [upscale(2)]),
        (5_000, 5_000, [upscale(4)]),
        (2_500, 2_500, [upscale(2), CUT_OUT, upscale(4)]),
    ],
)
def test_pictures_up_to_the_limits_pass(width: int, height: int, operations: Sequence[operation_pb2.Operation]) -> None:
    check_media([image(width, height)], ["f"], operations, LIMITS, None)


def test_a_size_in_pixels_is_checked_where_the_size_before_it_is_known() -> None:
    wide = operation_pb2.Operation(upscale=upscale_pb2.Upscale(width=4000))
    with pytest.raises(DarkroomError) as refused:
        check_media([image(400, 300)], ["f"], [wide], LIMITS, None)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "f")
    assert refused.value.message == "f: width: 4000 × 3000 pixels are more than 8 times the picture's 400 × 300."
    check_media([image(400, 300)], ["f"], [upscale(2), wide], LIMITS, None)
    # A photo of a telephone held upright is stored lying.
    both = operation_pb2.Operation(upscale=upscale_pb2.Upscale(width=600, height=800))
    check_media([image(400, 300)], ["f"], [both], LIMITS, None)
    trimmed = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground(trim=True))
    check_media([image(400, 300)], ["f"], [trimmed, wide], LIMITS, None)


@pytest.mark.parametrize(
    ("width", "height", "operations"),
    [
        (10_001, 10_000, [CUT_OUT]),
        (30_000, 30_000, [upscale()]),
        (5_001, 5_000, [upscale(4)]),
        (2_501, 2_500, [upscale(2), CUT_OUT, upscale(4)]),
    ],
)
def test_pictures_over_the_limits_are_refused(width: int, height: int, operations: Sequence[operation_pb2.Operation]) -> None:
    with pytest.raises(DarkroomError) as refused:
        check_media([image(1, 1), image(width, height)], ["a", "b"], operations, LIMITS, None)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.MEDIA_LIMIT_EXCEEDED, "b")


def test_a_surface_may_take_fewer_formats() -> None:
    gif = image(10, 10, "image/gif")
    check_media([gif], ["f"], [CUT_OUT], LIMITS, None)
    with pytest.raises(DarkroomError) as refused:
        check_media([gif], ["f"], [CUT_OUT], LIMITS, ("jpg", "png"))
    assert (refused.value.reason, refused.value.allowed) == (ErrorReason.MEDIA_UNSUPPORTED, ("jpg", "png"))


@pytest.mark.parametrize("media_type", ["image/bmp", "image/svg+xml"])
def test_bitmaps_and_drawings_are_taken(media_type: str) -> None:
    check_media([image(10, 10, media_type)], ["f"], [CUT_OUT], LIMITS, None)


def test_a_picture_that_no_worker_reads_is_refused() -> None:
    with pytest.raises(DarkroomError) as refused:
        check_media([image(10, 10, "image/jp2")], ["f"], [CUT_OUT], LIMITS, None)
    assert refused.value.reason is ErrorReason.MEDIA_UNSUPPORTED


def test_nothing_follows_a_dry_run() -> None:
    dry = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark(dry_run=True))
    check_pipeline([CLEAN_PDF, dry], 1, diagnostics=False)
    with pytest.raises(DarkroomError, match="dry run") as raised:
        check_pipeline([dry, CLEAN_PDF], 1, diagnostics=False)
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "operations[1]")


def test_plain_operations_wait_in_their_own_lane_unless_another_is_among_them() -> None:
    resize = operation_pb2.Operation(resize={"width": 5})
    short = [image(1600, 1200)]
    assert lane_of([resize, operation_pb2.Operation(convert={})], ()) == "picture"
    assert lane_of([resize, operation_pb2.Operation(convert={})], short) == "interactive"
    assert lane_of([resize], short * 2) == "picture"
    assert lane_of([resize, CUT_OUT, resize], short) == "neural"
    assert lane_of([operation_pb2.Operation(gpt_image_2={"prompt": "a cup"}), resize], short) == "gpt_image_2"
    assert [lanes_of([each]) for each in (resize, CUT_OUT, operation_pb2.Operation(redraw_pdf={}))] == [
        ["picture", "interactive"],
        ["neural"],
        ["pages", "neural"],
    ]


def resized(**parameters: Any) -> operation_pb2.Operation:
    return operation_pb2.Operation(resize=parameters)


TRIMMED = operation_pb2.Operation(remove_background={"trim": True})
CROP = operation_pb2.Operation(crop={"area": {"width": 400, "height": 300}})


@pytest.mark.parametrize(
    "operations",
    [
        [resized(width=20_000, height=20_000, fit=placement_pb2.FIT_CROP)],
        [resized(width_percent=10_000)],
        [CROP],
        [resized(width=400, height=300, fit=placement_pb2.FIT_FILL), CROP],
        [operation_pb2.Operation(pad={"horizontal": 5, "keep_size": True})],
        [operation_pb2.Operation(upscale={"resize": {"width": 20_000}})],
        [TRIMMED, resized(width_percent=4_000, height_percent=4_000, fit=placement_pb2.FIT_CANVAS, percent_of_input=True)],
        # Nobody knows how much is left.
        [TRIMMED, resized(width_percent=10_000)],
        [TRIMMED, CROP],
    ],
)
def test_layouts_that_fit_pass(operations: Sequence[operation_pb2.Operation]) -> None:
    check_media([image(400, 300)], ["f"], operations, replace(LIMITS, result_megapixels=1200), None)


def test_areas_and_borders_are_checked_in_both_orientations() -> None:
    # A photo of a telephone held upright is stored lying.
    check_media([image(300, 400)], ["f"], [CROP], LIMITS, None)
    with pytest.raises(DarkroomError, match="f: area: 400 × 300 pixels at 0, 0 do not fit into a picture of 390 × 300"):
        check_media([image(390, 300)], ["f"], [CROP], LIMITS, None)
    with pytest.raises(DarkroomError) as refused:
        check_media([image(390, 300)], ["f"], [operation_pb2.Operation(pad={"vertical": 200, "keep_size": True})], LIMITS, None)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "f")


@pytest.mark.parametrize(
    "operations",
    [
        [resized(width=20_001, height=20_000, fit=placement_pb2.FIT_CANVAS)],
        [resized(width_percent=10_000, height_percent=10_000)],
        [operation_pb2.Operation(pad={"horizontal": 15_000, "vertical": 15_000})],
        [operation_pb2.Operation(upscale={"resize": {"width": 30_000}})],
        [TRIMMED, resized(width=20_001, height=20_000, fit=placement_pb2.FIT_CANVAS)],
        [TRIMMED, resized(width=20_001, height=20_000, fit=placement_pb2.FIT_CANVAS), CUT_OUT],
        [TRIMMED, resized(width_percent=9_000, height_percent=9_000, fit=placement_pb2.FIT_CANVAS, percent_of_input=True)],
    ],
)
def test_layouts_over_the_limit_are_refused_where_that_is_known(operations: Sequence[operation_pb2.Operation]) -> None:
    with pytest.raises(DarkroomError) as refused:
        check_media([image(400, 300)], ["f"], operations, LIMITS, None)
    assert refused.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
