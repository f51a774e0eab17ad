"""Animations and videos: which tasks take them, what they cost, and how long and large they may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import protovalidate
import pytest

from darkroom.operations.v1 import convert_pb2, operation_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.acceptance.forecast import Forecast
from services.tasks.domain.credits.prices import read_prices
from services.tasks.domain.media_checks import MediaLimits, check_auxiliary, check_media
from services.tasks.domain.order.workforce import Workforce
from services.tasks.domain.plan import lane_of, named_files
from services.tasks.model.media import InputFile

LIMITS = MediaLimits(megapixels=100, result_megapixels=400, video_seconds=60, moving_megapixels=4000)
VIDEO = InputFile(id=7, media_type="video/mp4", image_size=(1920, 1080), frames=1500, milliseconds=60_000)
GIF = InputFile(id=8, media_type="image/gif", image_size=(400, 300), frames=51)
PHOTO = InputFile(id=9, media_type="image/jpeg", image_size=(400, 300), frames=1)
Operation = operation_pb2.Operation
RESIZE, CUT_OUT, UPSCALE = Operation(resize={"width": 200}), Operation(remove_background={}), Operation(upscale={"factor": 2})
READ_TEXT = Operation(read_text={})


def to(format_: convert_pb2.PictureFormat.ValueType, **more: Any) -> operation_pb2.Operation:
    return Operation(convert={"format": format_, **more})


MP4, JPEG = to(convert_pb2.PICTURE_FORMAT_MP4), to(convert_pb2.PICTURE_FORMAT_JPEG)


def check(file: InputFile, *operations: operation_pb2.Operation, limits: MediaLimits = LIMITS, **more: Any) -> None:
    check_media([file], ["f"], operations, limits, more.pop("formats", None), **more)


def refusal(file: InputFile, *operations: operation_pb2.Operation, **more: Any) -> DarkroomError:
    with pytest.raises(DarkroomError) as refused:
        check(file, *operations, **more)
    return refused.value


@pytest.mark.parametrize("operations", [[RESIZE], [RESIZE, CUT_OUT], [MP4], [CUT_OUT, JPEG], [Operation(archive={})]])
def test_videos_are_taken_by_what_works_by_frame(operations: list[operation_pb2.Operation]) -> None:
    check(VIDEO, *operations)


@pytest.mark.parametrize("operations", [[READ_TEXT], [RESIZE, READ_TEXT], [Operation(inspect_picture={})], [Operation(colorize={})]])
def test_other_operations_say_which_ones_take_videos(operations: list[operation_pb2.Operation]) -> None:
    error = refusal(VIDEO, *operations)
    assert (error.reason, error.field) == (ErrorReason.MEDIA_UNSUPPORTED, "f")
    name = str(operations[-1].WhichOneof("operation"))
    begin, listed = error.message.removesuffix(".").split(" Videos can be worked on by ")
    assert begin == f"f: the file is video/mp4, and {name} does not take videos."
    assert {"convert", "remove_background", "resize"} <= set(listed.split(", "))
    assert name not in listed
    assert "mp4" not in error.allowed
    check(GIF, *operations)


def test_what_takes_no_pictures_takes_no_videos() -> None:
    assert refusal(VIDEO, Operation(remove_pdf_watermark={})).allowed == ("pdf",)
    assert {"mp4", "m4v", "webm", "mov"} <= set(refusal(replace(PHOTO, media_type="image/jp2"), RESIZE).allowed)


def test_a_surface_that_takes_fewer_formats_takes_no_videos() -> None:
    error = refusal(VIDEO, RESIZE, formats=("jpg", "png"))
    assert (error.reason, error.allowed) == (ErrorReason.MEDIA_UNSUPPORTED, ("jpg", "png"))
    check(VIDEO, RESIZE, formats=("jpg", "mp4"))
    assert refusal(VIDEO, READ_TEXT, formats=("jpg", "mp4")).allowed == ("jpg",)


def test_files_that_operations_name_are_pictures() -> None:
    named = named_files([Operation(remove_background={"background_file_id": 7})])
    check_auxiliary(named, [PHOTO], LIMITS, None)
    with pytest.raises(DarkroomError, match="the file is video/mp4; accepted are jpg, jpeg") as refused:
        check_auxiliary(named, [VIDEO], LIMITS, None)
    assert "mp4" not in refused.value.allowed


def test_a_video_may_not_take_too_long() -> None:
    error = refusal(replace(VIDEO, milliseconds=60_040), RESIZE)
    assert (error.reason, error.message) == (ErrorReason.MEDIA_LIMIT_EXCEEDED, "f: the video takes 60.04 seconds; at most 60 are allowed.")
    # Only its first picture is worked on.
    check(replace(VIDEO, milliseconds=600_000), JPEG)


def test_frames_are_limited_together() -> None:
    longer = replace(VIDEO, frames=2000)
    error = refusal(longer, CUT_OUT)
    assert (error.reason, error.field) == (ErrorReason.MEDIA_LIMIT_EXCEEDED, "f")
    assert error.message == "f: 2,000 frames of 1920 × 1080 pixels have 4,147 megapixels together; at most 4,000 are allowed."
    check(longer, CUT_OUT, JPEG)
    check(longer, CUT_OUT, limits=replace(LIMITS, moving_megapixels=4200))
    assert "would have after its operations 12,442 megapixels together" in refusal(VIDEO, UPSCALE).message
    check(VIDEO, UPSCALE, sizes=False)
    assert refusal(replace(GIF, frames=40_000), RESIZE).reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
    check(replace(GIF, frames=40_000), RESIZE, READ_TEXT)


@pytest.mark.parametrize(
    ("file", "operations", "reason"),
    [
        (PHOTO, [MP4], "the file is a still picture (image/jpeg)"),
        (replace(GIF, frames=1), [RESIZE, MP4], "the file is a still picture (image/gif)"),
        (replace(PHOTO, media_type="image/tiff", frames=3), [MP4], "the file is a still picture (image/tiff)"),
        (PHOTO, [Operation(upscale={"format": convert_pb2.PICTURE_FORMAT_MP4})], "the file is a still picture (image/jpeg)"),
        (GIF, [Operation(restore_photo={}), MP4], "restore_photo works on one picture"),
    ],
)
def test_a_still_picture_does_not_become_a_video(file: InputFile, operations: list[operation_pb2.Operation], reason: str) -> None:
    error = refusal(file, *operations)
    field = f"operations[{len(operations) - 1}].{operations[-1].WhichOneof('operation')}.format"
    assert (error.reason, error.field) == (ErrorReason.FIELD_INVALID, field)
    assert error.message.startswith(f"{field}: MP4 is for animations and videos, and {reason}. Choose one of PICTURE_FORMAT_JPEG,")
    assert "PICTURE_FORMAT_MP4" not in error.allowed
    check(file, *operations, JPEG)


def test_a_moving_picture_becomes_a_video() -> None:
    check(GIF, RESIZE, MP4)
    check(VIDEO, MP4)


def test_25_frames_cost_as_much_as_a_picture() -> None:
    price_of = read_prices(None).price_of
    picture = price_of([CUT_OUT, RESIZE], [PHOTO])
    assert price_of([CUT_OUT, RESIZE], [GIF]) == 3 * picture
    assert price_of([CUT_OUT, RESIZE], [VIDEO, PHOTO]) == 61 * picture
    assert price_of([CUT_OUT, RESIZE, JPEG], [GIF]) == price_of([CUT_OUT, RESIZE, JPEG], [PHOTO])
    assert price_of([RESIZE, READ_TEXT], [GIF]) == price_of([RESIZE, READ_TEXT], [PHOTO])


def test_what_works_on_frames_is_never_short() -> None:
    small = replace(GIF, media_type="image/webp", image_size=(40, 30), frames=2)
    assert lane_of([RESIZE], [small]) == "picture"
    assert lane_of([RESIZE], [replace(small, frames=1)]) == "interactive"
    assert lane_of([RESIZE, JPEG], [small]) == "interactive"
    assert lane_of([RESIZE], [replace(VIDEO, image_size=(40, 30), frames=1)]) == "picture"


def test_frames_take_time() -> None:
    class Known:
        def rates(self, _lane: str) -> dict[str, float]:
            return {"upscale_2": 1.0}

    forecast = Forecast(cast(Workforce, Known()), 300, 3600)
    small = replace(GIF, image_size=(1000, 1000), frames=100)
    assert forecast.seconds([UPSCALE], [small], ["f"], "neural") == 100
    assert forecast.seconds([UPSCALE, JPEG], [small] * 9, ["f"] * 9, "neural") == 9
    with pytest.raises(DarkroomError, match="f: the frames of this file would take about 67 min in one task") as refused:
        forecast.seconds([UPSCALE], [replace(small, frames=4000)], ["f"], "neural")
    assert refused.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED


@pytest.mark.parametrize("format_", [convert_pb2.PICTURE_FORMAT_MP4, convert_pb2.PICTURE_FORMAT_WEBM, convert_pb2.PICTURE_FORMAT_MOV])
def test_videos_are_written_with_what_videos_have(format_: convert_pb2.PictureFormat.ValueType) -> None:
    protovalidate.validate(convert_pb2.Convert(format=format_, quality=70, background="#00ff00", lossless=False, strip_metadata=True))
    for wrong in (
        {"lossless": True},
        {"compression": convert_pb2.PNG_COMPRESSION_BEST},
        {"progressive": True},
        {"max_colors": 16},
        {"max_bytes": 1000},
        {"dpi": 300},
        {"color_space": convert_pb2.COLOR_SPACE_CMYK},
        {"content_credentials": True},
        {"webp_quality": 5},
    ):
        with pytest.raises(protovalidate.ValidationError):
            protovalidate.validate(convert_pb2.Convert(format=format_, **cast(Any, wrong)))


def test_a_frame_or_page_that_is_chosen_must_be_there() -> None:
    scan = replace(GIF, name="scan.tif", media_type="image/tiff", frames=3)
    third, fourth = to(convert_pb2.PICTURE_FORMAT_PNG, frame=3), to(convert_pb2.PICTURE_FORMAT_PNG, frame=4)
    for file in (scan, replace(scan, frames=None), VIDEO):
        check(file, RESIZE, third)
    error = refusal(scan, RESIZE, fourth)
    assert (error.reason, error.field, error.allowed) == (ErrorReason.FIELD_INVALID, "operations[1].convert.frame", ("1 to 3",))
    assert error.message == "operations[1].convert.frame: scan.tif has 3 frames or pages, so there is no number 4."
    assert refusal(replace(PHOTO, media_type="image/heic", frames=9), fourth).allowed == ("1 to 1",)
    assert lane_of([RESIZE], [scan]) != lane_of([RESIZE], [replace(scan, frames=1)])
