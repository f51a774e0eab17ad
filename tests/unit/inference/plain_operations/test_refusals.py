"""Plain operations that make no sense, or would make too much, are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.convert_pb2 import (
    CMYK_PROFILE_ISO_COATED,
    COLOR_SPACE_CMYK,
    PICTURE_FORMAT_JPEG,
    PICTURE_FORMAT_PNG,
    PICTURE_FORMAT_WEBP,
    PNG_COMPRESSION_BEST,
)
from darkroom.operations.v1.placement_pb2 import FIT_CROP
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.validation import RequestValidator
from tests.unit.imaging.pictures import photo
from tests.unit.inference.plain_operations.running import Running, png


@pytest.mark.parametrize(
    "convert",
    [
        {"format": PICTURE_FORMAT_PNG, "color_space": COLOR_SPACE_CMYK},
        {"color_space": COLOR_SPACE_CMYK},
        {"cmyk_profile": CMYK_PROFILE_ISO_COATED},
        {"format": PICTURE_FORMAT_JPEG, "lossless": True},
        {"format": PICTURE_FORMAT_PNG, "lossless": False},
        {"format": PICTURE_FORMAT_WEBP, "lossless": True, "quality": 5},
        {"format": PICTURE_FORMAT_PNG, "quality": 5},
        {"quality": 101},
        {"format": PICTURE_FORMAT_JPEG, "compression": PNG_COMPRESSION_BEST},
        {"format": PICTURE_FORMAT_WEBP, "progressive": True},
        {"background": "transparent"},
    ],
)
def test_what_a_format_does_not_have_is_refused(convert: Mapping[str, Any]) -> None:
    with pytest.raises(DarkroomError) as refused:
        RequestValidator().check(operation_pb2.Operation(convert=convert))
    assert refused.value.reason is ErrorReason.FIELD_INVALID


@pytest.mark.parametrize(
    "operation",
    [
        {"resize": {"width": 5, "width_percent": 5}},
        {"resize": {"height": 70_000}},
        {"resize": {"background": "red"}},
        {"crop": {}},
        {"crop": {"aspect_ratio": "0:1"}},
        {"crop": {"aspect_ratio": "1:1", "area": {"width": 1, "height": 1}}},
        {"crop": {"area": {"width": 1}}},
        {"pad": {"vertical": 1, "vertical_percent": 1}},
        {"pad": {"horizontal_percent": 51}},
        {"adjust": {"exposure": 101}},
        {"adjust": {"contrast": -101}},
        {"adjust": {"sharpness": 101}},
        {"upscale": {"factor": 2, "resize": {"width": 5}}},
    ],
)
def test_parameters_that_make_no_sense_are_refused(operation: Mapping[str, Any]) -> None:
    with pytest.raises(DarkroomError) as refused:
        RequestValidator().check(operation_pb2.Operation(**operation))
    assert refused.value.reason is ErrorReason.FIELD_INVALID


async def test_a_result_over_the_limit_is_refused(running: Running) -> None:
    for operation in ({"resize": {"width": 2000, "height": 2000, "fit": FIT_CROP}}, {"pad": {"vertical": 4000}}):
        with pytest.raises(DarkroomError) as refused:
            await running.file(png(photo()), operation)
        assert refused.value.reason is ErrorReason.MEDIA_LIMIT_EXCEEDED
