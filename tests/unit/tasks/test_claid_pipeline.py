"""Claid's edits as operations, in their order."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from services.platform.json_models import parse
from services.tasks.domain.plan import check_pipeline
from services.tasks.surfaces.claid.models import UploadRequest
from services.tasks.surfaces.claid.pipeline import pipeline

JPEG = {"convert": {"format": "PICTURE_FORMAT_JPEG", "quality": 85, "progressive": True}}
PNG = {"convert": {"format": "PICTURE_FORMAT_PNG", "compression": "PNG_COMPRESSION_OPTIMAL", "frame": 1}}
WHITE = {"fill_background": {"color": "#ffffff", "unless_input_transparent": True}}


def steps(operations: dict[str, Any], output: Any = None) -> list[dict[str, Any]]:
    made = pipeline(parse(UploadRequest, {"operations": operations, "output": output}))
    check_pipeline(made, 1, diagnostics=False)
    return [MessageToDict(step, preserving_proto_field_name=True) for step in made]


def test_everything_at_once_in_order() -> None:
    made = steps(
        {
            "restorations": {"decompress": "strong", "upscale": "faces", "polish": True},
            "resizing": {"width": 1000, "height": 500, "fit": "canvas"},
            "background": {"remove": {"category": "general", "clipping": True}, "color": "#00FF00"},
            "adjustments": {"exposure": 10, "hdr": {"intensity": 20, "stitching": True}},
            "padding": "10% 5%",
        }
    )
    assert made == [
        {"decompress": {"strength": "DECOMPRESS_STRENGTH_STRONG"}},
        {"polish": {}},
        {"remove_background": {"subject": "SUBJECT_GENERAL", "trim": True}},
        {
            "upscale": {
                "enhancements": ["ENHANCEMENT_FACE"],
                "resize": {"width": 900, "height": 400, "fit": "FIT_CANVAS", "background": "transparent"},
            }
        },
        {"adjust": {"exposure": 10, "hdr": 20, "hdr_stitching": True}},
        {"pad": {"horizontal": 50, "vertical": 50, "color": "transparent"}},
        {"fill_background": {"color": "#00ff00"}},
        JPEG,
    ]


@pytest.mark.parametrize("nothing", [{}, {"background": {"remove": False}}, {"adjustments": {"hdr": {"intensity": 0, "stitching": True}}}])
def test_an_edit_that_asks_for_nothing_is_written_as_jpeg(nothing: dict[str, Any]) -> None:
    assert steps(nothing) == [JPEG]


@pytest.mark.parametrize(
    ("resizing", "resize"),
    [
        ({"width": 1000}, {"width": 1000, "fit": "FIT_BOUNDS"}),
        ({"height": 1000, "fit": "bounds"}, {"height": 1000, "fit": "FIT_BOUNDS"}),
        ({"width": 1000, "fit": "crop"}, {"width": 1000, "fit": "FIT_CROP"}),
        ({"width": 100, "height": 50}, {"width": 100, "height": 50, "fit": "FIT_CROP"}),
        (
            {"width": 100, "height": 50, "fit": {"crop": "smart"}},
            {"width": 100, "height": 50, "fit": "FIT_CROP", "position": "POSITION_SMART"},
        ),
        ({"width": 100, "height": 50, "fit": "cover"}, {"width": 100, "height": 50, "fit": "FIT_COVER"}),
        ({"width": "200%"}, {"width_percent": 200.0, "height_percent": 200.0, "fit": "FIT_CROP"}),
        ({"width": "50%", "height": "50%", "fit": "bounds"}, {"width_percent": 50.0, "height_percent": 50.0, "fit": "FIT_BOUNDS"}),
    ],
)
def test_resizing(resizing: dict[str, Any], resize: dict[str, Any]) -> None:
    assert steps({"resizing": resizing}) == [{"resize": resize}, JPEG]
    quality = {"restorations": {"upscale": "smart_enhance"}, "resizing": resizing}
    assert steps(quality) == [{"upscale": {"enhancements": ["ENHANCEMENT_QUALITY"], "resize": resize}}, JPEG]


def test_both_sides_auto_leave_the_size() -> None:
    assert steps({"resizing": {"width": "auto", "height": "auto", "fit": "canvas"}}) == [JPEG]


@pytest.mark.parametrize(
    ("upscale", "enhancements"),
    [
        ("smart_enhance", ["ENHANCEMENT_QUALITY"]),
        ("smart_resize", []),
        ("faces", ["ENHANCEMENT_FACE"]),
        ("digital_art", ["ENHANCEMENT_QUALITY"]),
        ("photo", []),
        ({"type": "photo", "version": "2"}, []),
        ({"type": "photo", "version": "3"}, ["ENHANCEMENT_QUALITY"]),
    ],
)
def test_upscales(upscale: Any, enhancements: list[str]) -> None:
    [step, _] = steps({"restorations": {"upscale": upscale}, "resizing": {"width": 10}})
    assert step["upscale"].get("enhancements", []) == enhancements


@pytest.mark.parametrize(
    ("operations", "pad"),
    [
        # Around the picture, which makes the result larger.
        ({"padding": "10%"}, {"horizontal_percent": 10.0, "vertical_percent": 10.0}),
        # On a canvas the picture shrinks.
        ({"padding": "10%", "resizing": {"fit": "canvas"}}, {"horizontal_percent": 10.0, "vertical_percent": 10.0, "keep_size": True}),
        # Within the size that is asked for.
        ({"padding": "5% 25%", "resizing": {"width": 100}}, {"horizontal_percent": 25.0, "vertical_percent": 5.0, "keep_size": True}),
        ({"padding": "49%", "resizing": {"width": 2, "height": 101}}, {"vertical": 49}),
    ],
)
def test_padding(operations: dict[str, Any], pad: dict[str, Any]) -> None:
    *_, padded, filled, _ = steps(operations)
    assert (padded, filled) == ({"pad": {**pad, "color": "transparent"}}, WHITE)


def test_an_object_that_is_cut_out_is_scaled_back_to_the_size_of_the_input() -> None:
    cut = {"remove": {"clipping": True}}
    trimmed = {"remove_background": {"subject": "SUBJECT_PRODUCT", "trim": True}}
    back = {"width_percent": 100.0, "height_percent": 100.0, "fit": "FIT_BOUNDS", "percent_of_input": True}
    assert steps({"background": cut}) == [trimmed, {"resize": back}, WHITE, JPEG]
    assert steps({"background": cut, "resizing": {"fit": "bounds"}}) == [trimmed, WHITE, JPEG]
    half = {"width_percent": 50.0, "height_percent": 50.0, "fit": "FIT_COVER", "percent_of_input": True}
    assert steps({"background": cut, "resizing": {"width": "50%", "fit": "cover"}}) == [trimmed, {"resize": half}, WHITE, JPEG]


@pytest.mark.parametrize(
    ("colour", "format_", "fill"),
    [
        (None, "png", [WHITE]),
        ("transparent", "png", []),
        ("transparent", "avif", []),
        ("transparent", "jpeg", [{"fill_background": {"color": "#ffffff"}}]),
        ("#123456", "png", [{"fill_background": {"color": "#123456"}}]),
    ],
)
def test_colours_behind_an_object(colour: str | None, format_: str, fill: list[dict[str, Any]]) -> None:
    cut, *filled, _ = steps({"background": {"remove": True, "color": colour}}, {"format": format_})
    assert (cut, filled) == ({"remove_background": {"subject": "SUBJECT_PRODUCT"}}, fill)


def test_a_colour_is_laid_under_a_picture_that_is_transparent_already() -> None:
    assert steps({"background": {"color": "#123456"}}) == [{"fill_background": {"color": "#123456"}}, JPEG]


def test_a_background_is_blurred() -> None:
    blur = {"category": "cars", "type": "lens", "level": "high"}
    blurred = {"subject": "SUBJECT_PRODUCT", "type": "BLUR_TYPE_LENS", "level": "BLUR_LEVEL_HIGH"}
    assert steps({"background": {"blur": blur}}) == [{"blur_background": blurred}, JPEG]
    usual = {"subject": "SUBJECT_PRODUCT", "type": "BLUR_TYPE_GAUSSIAN", "level": "BLUR_LEVEL_MEDIUM"}
    assert steps({"background": {"blur": True}}) == [{"blur_background": usual}, JPEG]


@pytest.mark.parametrize(
    ("output", "convert"),
    [
        (None, JPEG["convert"]),
        (
            {"format": {"type": "jpeg", "quality": 1, "progressive": False}},
            {"format": "PICTURE_FORMAT_JPEG", "quality": 1, "progressive": False},
        ),
        ({"format": "png"}, PNG["convert"]),
        (
            {"format": {"type": "png", "compression": "best"}},
            {"format": "PICTURE_FORMAT_PNG", "compression": "PNG_COMPRESSION_BEST", "frame": 1},
        ),
        ({"format": "webp"}, {"format": "PICTURE_FORMAT_WEBP", "quality": 75, "lossless": False, "frame": 1}),
        ({"format": "avif"}, {"format": "PICTURE_FORMAT_AVIF", "quality": 50, "lossless": False, "frame": 1}),
        ({"format": "tiff"}, {"format": "PICTURE_FORMAT_TIFF", "lossless": True, "frame": 1}),
        (
            {"format": {"type": "tiff", "compression": "lossy"}},
            {"format": "PICTURE_FORMAT_TIFF", "quality": 75, "lossless": False, "frame": 1},
        ),
        ({"format": {"type": "webp", "compression": "lossless"}}, {"format": "PICTURE_FORMAT_WEBP", "lossless": True, "frame": 1}),
        (
            {"format": {"type": "avif", "compression": {"type": "lossy", "quality": 9}}},
            {"format": "PICTURE_FORMAT_AVIF", "quality": 9, "lossless": False, "frame": 1},
        ),
        ({"metadata": {"dpi": 300, "color_space": "RGB"}}, {**JPEG["convert"], "dpi": 300, "color_space": "COLOR_SPACE_RGB"}),
        ({"metadata": {"color_space": "CMYK"}}, {**JPEG["convert"], "color_space": "COLOR_SPACE_CMYK"}),
    ],
)
def test_outputs(output: Any, convert: dict[str, Any]) -> None:
    assert steps({}, output) == [{"convert": convert}]
