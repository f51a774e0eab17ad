"""The input of a model of the fal queue, as operations."""

from __future__ import annotations

from typing import Any

import pytest

from darkroom.operations.v1 import (
    gpt_image_2_pb2,
    nano_banana_2_pb2,
    operation_pb2,
    placement_pb2,
    remove_background_pb2,
    resize_pb2,
    upscale_pb2,
)
from services.pictures.operations import specs
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.validation import RequestValidator
from services.tasks.domain.acceptance.requests import InputUrl
from services.tasks.surfaces.fal.catalogue import model, models
from services.tasks.surfaces.fal.submission import Plan, nearest_ratio, plan, queue_priority, size_class

IMAGE = "https://files.example.com/a.png"
DATA = "data:image/png;base64,iVBORw0KGgo="


def planned(name: str, given: dict[str, Any], generation: str = "gpt_image_2") -> Plan:
    return plan(model(name), given, generation)


def refused(name: str, given: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """What is wrong with each field, and its type."""
    with pytest.raises(DarkroomError) as error:
        planned(name, given)
    assert error.value.reason is ErrorReason.FIELD_INVALID
    return {each.field: (each.problem, each.kind) for each in error.value.violations}


def test_every_operation_is_a_model_under_each_of_its_names() -> None:
    for name, spec in specs().items():
        for path in (name, name.replace("_", "-"), f"darkroom/{name}", f"darkroom/{name.replace('_', '-')}"):
            assert model(path).operation is spec, path
    for path in ("z-image-text-to-image", "darkroom/z-image-image-edit"):
        assert model(path).operation is None
    assert len(models()) == len(specs()) + 2


@pytest.mark.parametrize("path", ["", "nothing", "darkroom", "other/upscale", "darkroom/upscale/fast", "darkroom/darkroom/upscale"])
def test_other_models_are_unknown(path: str) -> None:
    with pytest.raises(DarkroomError) as error:
        model(path)
    assert error.value.reason is ErrorReason.ROUTE_NOT_FOUND
    assert "remove-background" in error.value.message
    assert "noop" not in error.value.message


def test_the_example_of_the_document() -> None:
    prompt = "The girl from first image is playing chess with the girl from second image, on the ancient table from third image."
    given = {"width": "3200", "height": "2000", "batch_size": 4, "prompt": prompt}
    made = gpt_image_2_pb2.GptImage2(prompt=prompt, aspect_ratio="3:2", resolution="4K", count=4)
    exact = resize_pb2.Resize(width=3200, height=2000, fit=placement_pb2.FIT_CROP)
    operations = [operation_pb2.Operation(gpt_image_2=made), operation_pb2.Operation(resize=exact)]
    asked = planned("z-image-text-to-image", given)
    assert (asked.operations, asked.inputs.count, asked.priority) == (operations, 0, 0)
    for operation in operations:
        RequestValidator().check(operation)


def test_a_file_may_be_in_a_storage_of_the_operator() -> None:
    asked = planned("upscale", {"image_url": "storage://photos/shoes/1.jpg"})
    assert asked.inputs.urls == [InputUrl("storage://photos/shoes/1.jpg", "image_url")]


def test_an_edit_takes_its_pictures_in_order() -> None:
    given = {"prompt": "All of them", "file_ids": [12, "13"], "image_urls": [IMAGE, DATA], "priority": "7", "negative_prompt": None}
    asked = planned("z-image-image-edit", given, "nano_banana_2")
    assert asked.operations == [operation_pb2.Operation(nano_banana_2=nano_banana_2_pb2.NanoBanana2(prompt="All of them", count=1))]
    assert (asked.inputs.file_ids, asked.inputs.file_fields) == ([12, 13], ["file_ids[0]", "file_ids[1]"])
    assert asked.inputs.urls == [InputUrl(IMAGE, "image_urls[0]"), InputUrl(DATA, "image_urls[1]")]
    assert asked.priority == 7


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = refused("z-image-text-to-image", {"width": "3200", "batch_size": "9", "seed": 4, "image_url": IMAGE, "priority": "high"})
    assert found.keys() == {"prompt", "height", "batch_size", "seed", "image_url", "priority"}
    assert found["prompt"] == ("is required", "missing")
    assert found["seed"][1] == "extra_forbidden"
    assert found["batch_size"] == ("must be 4 or less", "less_than_equal")
    assert refused("z-image-image-edit", {"prompt": "x"})["image_url"][1] == "missing"
    assert refused("z-image-text-to-image", {"prompt": "x", "width": 63, "height": 5000}).keys() == {"width", "height"}


def test_parameters_of_an_operation() -> None:
    given = {
        "image_url": "storage://files/12",
        "subject": "product",
        "quality": "CUTOUT_QUALITY_FAST",
        "format": "WebP",
        "trim": "true",
        "keep_shadow": False,
        "background_file_id": "15",
        "background_color": None,
    }
    expected = remove_background_pb2.RemoveBackground(
        subject=remove_background_pb2.SUBJECT_PRODUCT,
        quality=remove_background_pb2.CUTOUT_QUALITY_FAST,
        format=remove_background_pb2.CUTOUT_FORMAT_WEBP,
        trim=True,
        background_file_id=15,
    )
    asked = planned("remove-background", given)
    assert asked.operations == [operation_pb2.Operation(remove_background=expected)]
    assert (asked.inputs.file_ids, asked.inputs.file_fields) == ([12], ["image_url"])


def test_numbers_lists_and_messages_of_an_operation() -> None:
    upscale = upscale_pb2.Upscale(factor=4, enhancements=[upscale_pb2.ENHANCEMENT_FACE, upscale_pb2.ENHANCEMENT_TEXT])
    asked = planned("upscale", {"image_url": IMAGE, "factor": "4", "enhancements": ["face", "Text"]})
    assert asked.operations == [operation_pb2.Operation(upscale=upscale)]
    boxes = planned("remove-watermark", {"image_url": IMAGE, "boxes": [{"x1": "0.5", "y1": 1, "x2": 20, "y2": 30.25}]})
    [box] = boxes.operations[0].remove_watermark.boxes
    assert (box.x1, box.y1, box.x2, box.y2) == (0.5, 1, 20, 30.25)


@pytest.mark.parametrize(
    ("given", "field", "kind"),
    [
        ({"fcator": 2}, "fcator", "extra_forbidden"),
        ({"factor": "two"}, "factor", "int_type"),
        ({"factor": 2.5}, "factor", "int_type"),
        ({"factor": True}, "factor", "int_type"),
        ({"factor": -2}, "factor", "int_type"),
        ({"factor": "9" * 30}, "factor", "int_type"),
        ({"factor": 5}, "factor", "value_error"),
        ({"enhancements": "face"}, "enhancements", "list_type"),
        ({"enhancements": ["face", "unspecified"]}, "enhancements[1]", "enum"),
        ({"image_url": 3}, "image_url", "string_type"),
        ({"image_url": "ftp://a/b"}, "image_url", "url_parsing"),
        ({"image_url": "storage://files/x"}, "image_url", "url_parsing"),
        ({"image_urls": IMAGE}, "image_urls", "list_type"),
        ({"file_id": "01"}, "file_id", "string_type"),
        ({"file_id": 10**15}, "file_id", "string_type"),
        ({"pdf_url": IMAGE}, "pdf_url", "extra_forbidden"),
        ({"batch_size": 2}, "batch_size", "value_error"),
        ({"image_urls": [IMAGE, "storage://files/12"]}, "image_urls[1]", "value_error"),
    ],
)
def test_what_an_operation_does_not_take(given: dict[str, Any], field: str, kind: str) -> None:
    found = refused("upscale", {"image_url": IMAGE, **given})
    assert {name: told for name, (_, told) in found.items()} == {field: kind}


def test_nested_fields_are_named_by_their_paths() -> None:
    found = refused("remove-watermark", {"image_url": IMAGE, "boxes": [{"x1": 1, "y": 2}, 3]})
    assert {name: told for name, (_, told) in found.items()} == {"boxes[0].y": "extra_forbidden", "boxes[1]": "dict_type"}


def test_each_kind_of_model_has_the_inputs_that_it_takes() -> None:
    assert planned("remove-pdf-watermark", {"pdf_url": IMAGE, "report": "false"}).inputs.count == 1
    assert refused("remove-pdf-watermark", {"image_url": IMAGE}).keys() == {"image_url"}
    assert planned("archive", {"input_urls": [IMAGE], "image_url": DATA, "pdf_url": IMAGE, "file_id": 3}).inputs.count == 4
    assert planned("noop", {"steps": "3"}).operations == [operation_pb2.Operation(noop={"steps": 3})]
    assert refused("noop", {"image_url": IMAGE}).keys() == {"image_url"}
    assert refused("upscale", {})["image_url"][1] == "missing"


def test_the_number_of_pictures_of_an_operation_that_generates() -> None:
    assert planned("gpt-image-2", {"prompt": "x", "batch_size": "3"}).operations[0].gpt_image_2.count == 3
    assert planned("gpt-image-2", {"prompt": "x", "count": 2, "image_url": IMAGE}).inputs.count == 1
    assert refused("gpt-image-2", {"prompt": "x", "count": 2, "batch_size": 2}).keys() == {"batch_size"}
    assert refused("gpt-image-2", {"prompt": "x", "image_urls": [IMAGE] * 17}).keys() == {"image_urls"}


def test_priorities_stay_within_the_platforms_range() -> None:
    assert [queue_priority(asked, "normal") for asked in (0, 5, 5000, -5000)] == [0, 5, 1000, -1000]
    assert [queue_priority(asked, "low") for asked in (0, 5, 5000, -5000)] == [-1000, -995, 0, -1000]


def test_shapes_and_sizes() -> None:
    ratios = ["1:1", "3:2", "2:3", "16:9"]
    assert [nearest_ratio(*size, ratios) for size in ((512, 512), (3200, 2000), (2000, 3200), (1920, 1080))] == [
        "1:1",
        "3:2",
        "2:3",
        "16:9",
    ]
    assert [size_class(*size) for size in ((512, 512), (1024, 1024), (1025, 1024), (2048, 2048), (3200, 2000))] == [
        "0.5K",
        "1K",
        "2K",
        "2K",
        "4K",
    ]
