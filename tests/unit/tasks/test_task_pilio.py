"""Pilio's vocabulary: every value and alias of its documents."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from darkroom.operations.v1 import convert_pb2, redraw_pdf_pb2, remove_background_pb2, upscale_pb2
from darkroom.rest.v1 import images_pb2, pdfs_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.validation import RequestValidator
from services.tasks.model import TaskEvent
from services.tasks.model.state import TaskState
from services.tasks.surfaces import ids
from services.tasks.surfaces.rest import messages

PORTRAIT, PRODUCT = remove_background_pb2.SUBJECT_PORTRAIT, remove_background_pb2.SUBJECT_PRODUCT
BEST, FAST = remove_background_pb2.CUTOUT_QUALITY_BEST, remove_background_pb2.CUTOUT_QUALITY_FAST
FACE, QUALITY, TEXT = upscale_pb2.ENHANCEMENT_FACE, upscale_pb2.ENHANCEMENT_QUALITY, upscale_pb2.ENHANCEMENT_TEXT

INDUSTRIES = {
    None: remove_background_pb2.SUBJECT_UNSPECIFIED,
    "portrait": PORTRAIT,
    "human": PORTRAIT,
    "person": PORTRAIT,
    "humanv2": PORTRAIT,
    "product": PRODUCT,
    "goods": PRODUCT,
    "commodity": PRODUCT,
    "productv2": PRODUCT,
    "general": remove_background_pb2.SUBJECT_GENERAL,
}
QUALITIES = {None: BEST, "original": BEST, "fast": FAST, "speed": FAST, "draft": FAST, "preview": FAST, "low": FAST}


@pytest.mark.parametrize("industry", INDUSTRIES)
@pytest.mark.parametrize("quality", QUALITIES)
def test_every_alias_of_remove_background(industry: str | None, quality: str | None) -> None:
    request = images_pb2.RemoveBackgroundRequest(image_file_id="1", industry_type=industry, quality_type=quality)
    RequestValidator().check(request)
    operation = messages.remove_background(request).remove_background
    assert (operation.subject, operation.quality, operation.trim) == (INDUSTRIES[industry], QUALITIES[quality], False)


def test_additions_to_remove_background() -> None:
    plain = messages.remove_background(images_pb2.RemoveBackgroundRequest(image_file_id="1")).remove_background
    assert (plain.keep_shadow, plain.background_color, plain.format) == (False, "", remove_background_pb2.CUTOUT_FORMAT_PNG)
    request = images_pb2.RemoveBackgroundRequest(image_file_id="1", keep_shadow=True, background_color="#FFaa00", output_format="webp")
    RequestValidator().check(request)
    asked = messages.remove_background(request).remove_background
    RequestValidator().check(asked)
    assert (asked.keep_shadow, asked.background_color, asked.format) == (True, "#FFaa00", remove_background_pb2.CUTOUT_FORMAT_WEBP)
    request = images_pb2.RemoveBackgroundRequest(image_file_id="1", background_file_id="2")
    assert messages.remove_background(request).remove_background.background_file_id == 2


@pytest.mark.parametrize(
    ("file_id", "color", "reason"), [("x", "", ErrorReason.FILE_NOT_FOUND), ("2", "#ffffff", ErrorReason.FIELD_INVALID)]
)
def test_a_background_picture_has_an_id_and_no_colour_beside_it(file_id: str, color: str, reason: ErrorReason) -> None:
    request = images_pb2.RemoveBackgroundRequest(image_file_id="1", background_file_id=file_id, background_color=color)
    with pytest.raises(DarkroomError) as refused:
        messages.remove_background(request)
    assert (refused.value.reason, refused.value.field) == (reason, "background_file_id")


@pytest.mark.parametrize(
    "fields",
    [
        {"industry_type": "pet"},
        {"industry_type": ""},
        {"quality_type": "best"},
        {"quality_type": "FAST"},
        {"image_file_id": ""},
        {"background_color": "white"},
        {"background_color": "#fff"},
        {"background_file_id": ""},
        {"output_format": "jpg"},
    ],
)
def test_values_outside_the_documents_are_refused(fields: dict[str, str]) -> None:
    with pytest.raises(DarkroomError) as refused:
        RequestValidator().check(images_pb2.RemoveBackgroundRequest(**{"image_file_id": "1", **fields}))
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, next(iter(fields)))


@pytest.mark.parametrize(("text", "factor"), [(None, 2), ("2X", 2), ("2x", 2), ("4X", 4), ("4x", 4)])
def test_every_factor_of_upscale(text: str | None, factor: int) -> None:
    request = images_pb2.ImageUpscaleRequest(image_file_id="1", type=text)
    RequestValidator().check(request)
    assert messages.upscale(request).upscale == upscale_pb2.Upscale(factor=factor, format=convert_pb2.PICTURE_FORMAT_PNG)


@pytest.mark.parametrize("fields", [{"factor": 8}, {"width": 900}, {"height": 70}, {"width": 90, "height": 60}, {"longest_side": 4000}])
def test_sizes_beyond_pilios(fields: dict[str, int]) -> None:
    request = images_pb2.ImageUpscaleRequest(image_file_id="1", **fields)
    RequestValidator().check(request)
    assert messages.upscale(request).upscale == upscale_pb2.Upscale(**fields, format=convert_pb2.PICTURE_FORMAT_PNG)


@pytest.mark.parametrize("fields", [{"factor": 8, "type": "2X"}, {"width": 900, "type": "4x"}, {"longest_side": 0}, {"factor": 5}])
def test_sizes_that_contradict_each_other(fields: dict[str, object]) -> None:
    with pytest.raises(DarkroomError):
        RequestValidator().check(images_pb2.ImageUpscaleRequest(image_file_id="1", **fields))


@pytest.mark.parametrize(
    ("fields", "enhancements"),
    [
        ({}, []),
        ({"method": "ai_super_resolution", "preset": "auto"}, []),
        ({"method": "super_resolution"}, []),
        ({"method": "enhance"}, [QUALITY]),
        ({"preset": "hd"}, [QUALITY]),
        ({"preset": "hd", "method": "enhance", "enhance_quality": True}, [QUALITY]),
        ({"enhance_face": True, "enhance_quality": True, "enhance_text": True}, [FACE, QUALITY, TEXT]),
        ({"enhance_face": False, "enhance_text": True}, [TEXT]),
    ],
)
def test_what_an_upscale_adds(fields: dict[str, object], enhancements: list[int]) -> None:
    request = images_pb2.ImageUpscaleRequest(image_file_id="1", **fields)
    RequestValidator().check(request)
    assert list(messages.upscale(request).upscale.enhancements) == enhancements


Box = images_pb2.RemoveImageWatermarkBox
BOX = {"x1": 10, "y1": 15, "x2": 60, "y2": 70}


@pytest.mark.parametrize("mode", [None, "auto"])
def test_marks_are_looked_for_unless_told_otherwise(mode: str | None) -> None:
    request = images_pb2.RemoveImageWatermarkRequest(image_file_id="1", mode=mode, boxes=[Box(**BOX)])
    RequestValidator().check(request)
    assert not messages.remove_watermark(request).remove_watermark.boxes


@pytest.mark.parametrize("count", [1, 5])
def test_boxes_of_manual_mode(count: int) -> None:
    request = images_pb2.RemoveImageWatermarkRequest(image_file_id="1", mode="manual", boxes=[Box(**BOX)] * count)
    RequestValidator().check(request)
    boxes = messages.remove_watermark(request).remove_watermark.boxes
    assert [(box.x1, box.y1, box.x2, box.y2) for box in boxes] == [(10, 15, 60, 70)] * count


def test_manual_mode_needs_a_box() -> None:
    request = images_pb2.RemoveImageWatermarkRequest(image_file_id="1", mode="manual")
    RequestValidator().check(request)
    with pytest.raises(DarkroomError) as refused:
        messages.remove_watermark(request)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "boxes")


@pytest.mark.parametrize("box", [{"x1": 0, "y1": 0, "x2": 100, "y2": 100}, {"x1": 99, "y1": 0, "x2": 100, "y2": 1}])
def test_boxes_at_their_limits(box: dict[str, int]) -> None:
    RequestValidator().check(images_pb2.RemoveImageWatermarkRequest(image_file_id="1", mode="manual", boxes=[Box(**box)]))


@pytest.mark.parametrize(
    ("boxes", "field"),
    [
        ([BOX] * 6, "boxes"),
        ([BOX, {**BOX, "x2": 101}], "boxes[1].x2"),
        ([{**BOX, "y1": -1}], "boxes[0].y1"),
        ([{"x1": 10, "y1": 15, "x2": 60}], "boxes[0].y2"),
        ([{**BOX, "x2": 10}], "boxes[0]"),
        ([{**BOX, "y1": 71}], "boxes[0]"),
    ],
)
def test_boxes_beyond_their_limits(boxes: list[dict[str, int]], field: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        RequestValidator().check(
            images_pb2.RemoveImageWatermarkRequest(image_file_id="1", mode="manual", boxes=[Box(**box) for box in boxes])
        )
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, field)


def test_pages_are_redrawn_when_asked_to() -> None:
    request = pdfs_pb2.PDFRemoveWatermarkRequest(pdf_file_id="1", mode="ai")
    RequestValidator().check(request)
    assert messages.remove_pdf_watermark(request).WhichOneof("operation") == "redraw_pdf"


@pytest.mark.parametrize("mode", [None, "editable"])
def test_structured_removal_is_the_default(mode: str | None) -> None:
    operation = messages.remove_pdf_watermark(pdfs_pb2.PDFRemoveWatermarkRequest(pdf_file_id="1", mode=mode))
    assert operation.WhichOneof("operation") == "remove_pdf_watermark"
    assert not operation.remove_pdf_watermark.remove_likely


@pytest.mark.parametrize("name", ["remove_likely", "dry_run", "report", "allow_signed", "owner_password"])
def test_options_of_the_structured_removal(name: str) -> None:
    value = "secret" if name == "owner_password" else True
    request = pdfs_pb2.PDFRemoveWatermarkRequest(pdf_file_id="1", **{name: value})
    parameters = messages.remove_pdf_watermark(request).remove_pdf_watermark
    assert {field.name: given for field, given in parameters.ListFields()} == {name: value}
    request.mode = "ai"
    if name in redraw_pdf_pb2.RedrawPdf.DESCRIPTOR.fields_by_name:
        redrawn = messages.remove_pdf_watermark(request).redraw_pdf
        assert {field.name: given for field, given in redrawn.ListFields()} == {name: value}
        return
    with pytest.raises(DarkroomError) as raised:
        messages.remove_pdf_watermark(request)
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, name)


def test_boxes_are_for_pages_that_are_redrawn() -> None:
    box = images_pb2.RemoveImageWatermarkBox(x1=10, y1=80, x2=90, y2=95)
    request = pdfs_pb2.PDFRemoveWatermarkRequest(pdf_file_id="1", mode="ai", boxes=[box])
    (given,) = messages.remove_pdf_watermark(request).redraw_pdf.boxes
    assert (given.x1, given.y1, given.x2, given.y2) == (10, 80, 90, 95)
    request.mode = "editable"
    with pytest.raises(DarkroomError) as raised:
        messages.remove_pdf_watermark(request)
    assert (raised.value.reason, raised.value.field) == (ErrorReason.FIELD_INVALID, "boxes")


@pytest.mark.parametrize("text", ["1", "59473731485042", "999999999999999"])
def test_ids_are_decimal_strings(text: str) -> None:
    assert ids.file_id(text, "image_file_id") == int(text)
    assert ids.task_id(text) == int(text)


@pytest.mark.parametrize("text", ["", "0", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "1_0", "٣", "1000000000000000"])
def test_what_is_no_id_is_as_good_as_a_missing_one(text: str) -> None:
    with pytest.raises(DarkroomError) as missing_file:
        ids.file_id(text, "image_file_id")
    assert (missing_file.value.reason, missing_file.value.http_status) == (ErrorReason.FILE_NOT_FOUND, 400)
    with pytest.raises(DarkroomError) as missing_task:
        ids.task_id(text)
    assert (missing_task.value.reason, missing_task.value.http_status) == (ErrorReason.TASK_NOT_FOUND, 404)


@pytest.mark.parametrize(("share", "shown"), [(0.21200000000000002, 0.212), (0.9999999, 1.0), (0.0, 0.0), (1.0, 1.0)])
def test_progress_is_a_short_number(share: float, shown: float) -> None:
    event = TaskEvent(
        task_id=1,
        sequence=1,
        state=TaskState.RUNNING,
        attempt=1,
        progress=share,
        message="",
        error_reason=None,
        error_message=None,
        time=datetime(2026, 1, 1, tzinfo=UTC),
    )
    [data] = [line for line in messages.stream_event(event).decode().splitlines() if line.startswith("data:")]
    assert json.loads(data.removeprefix("data:"))["progress"] == shown
