"""SnapOtter's tools of shape and format: what their settings mean, and what they refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.runs import still
from services.gateway.surfaces.snapotter.tool import Plan
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.gateway.surfaces.snapotter.tools.registry import TOOLS
from services.pictures.media_format import MediaFormat
from services.pictures.moving import works_by_frame
from services.pictures.operations import parameters_of
from services.platform.rpc.validation import RequestValidator

KEPT = {
    "format": "PICTURE_FORMAT_KEPT",
    "quality": 95,
    "progressive": False,
    "colorSpace": "COLOR_SPACE_RGB",
    "stripMetadata": True,
    "keepAlpha": True,
    "keepCoding": True,
    "pngOtherwise": True,
    "compact": True,
    "quick": True,
}
WRITTEN = {"colorSpace": "COLOR_SPACE_RGB", "stripMetadata": True, "compact": True, "quick": True}


def planned(tool: str, settings: dict[str, Any], name: str = "photo.jpeg") -> Plan:
    """The plan, whose operations are valid."""
    found = TOOLS[tool]
    plan = found.plan(read_settings(json.dumps(settings), found.settings), name)
    for operation in plan.operations:
        RequestValidator().check(operation)
    return plan


def operations(tool: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
    return [MessageToDict(operation) for operation in planned(tool, settings).operations]


def test_of_an_animation_there_is_the_first_frame_and_of_a_document_the_first_page() -> None:
    plan = planned("resize", {"width": 80})
    made = still(plan.operations)
    for format_ in (MediaFormat.GIF, MediaFormat.TIFF):
        assert works_by_frame([parameters_of(each) for each in plan.operations], format_, 3)
        assert not works_by_frame([parameters_of(each) for each in made], format_, 3)
    assert made[0] == plan.operations[0]


@pytest.mark.parametrize(
    ("settings", "resize"),
    [
        ({"width": 80}, {"width": 80, "fit": "FIT_BOUNDS", "background": "#000000"}),
        ({"height": 80, "fit": "cover"}, {"height": 80, "fit": "FIT_BOUNDS", "background": "#000000"}),
        ({"width": 80, "height": 60}, {"width": 80, "height": 60, "fit": "FIT_CANVAS", "background": "#000000"}),
        ({"width": 80, "height": 60, "fit": "contain"}, {"width": 80, "height": 60, "fit": "FIT_CANVAS", "background": "#000000"}),
        ({"width": 80, "height": 60, "fit": "cover"}, {"width": 80, "height": 60, "fit": "FIT_CROP", "background": "#000000"}),
        ({"width": 80, "height": 60, "fit": "fill"}, {"width": 80, "height": 60, "fit": "FIT_FILL", "background": "#000000"}),
        ({"width": 80, "height": 60, "fit": "inside"}, {"width": 80, "height": 60, "fit": "FIT_BOUNDS", "background": "#000000"}),
        ({"width": 80, "height": 60, "fit": "outside"}, {"width": 80, "height": 60, "fit": "FIT_COVER", "background": "#000000"}),
        ({"percentage": 50, "width": 9, "height": 9}, {"widthPercent": 50.0, "heightPercent": 50.0, "fit": "FIT_FILL"}),
        ({"percentage": 1e300}, {"widthPercent": 1e6, "heightPercent": 1e6, "fit": "FIT_FILL"}),
        (
            {"percentage": 200, "withoutEnlargement": True},
            {"widthPercent": 200.0, "heightPercent": 200.0, "fit": "FIT_FILL", "boxWithinPicture": True},
        ),
    ],
)
def test_resize(settings: dict[str, Any], resize: dict[str, Any]) -> None:
    assert operations("resize", settings) == [{"resize": resize}, {"convert": KEPT}]


@pytest.mark.parametrize(
    ("settings", "crop"),
    [
        ({"left": 0, "top": 5, "width": 20, "height": 30}, {"area": {"top": 5, "width": 20, "height": 30}}),
        ({"left": 1.5, "top": 1.4, "width": 9.5, "height": 0.2}, {"area": {"left": 2, "top": 1, "width": 10, "height": 1}}),
        ({"left": 1e12, "top": 0, "width": 5, "height": 5}, {"area": {"left": 1000000, "width": 5, "height": 5}}),
        (
            {"left": 10, "top": 0, "width": 50, "height": 25.5, "unit": "percent"},
            {"relativeArea": {"left": 10.0, "width": 50.0, "height": 25.5}},
        ),
        (
            {"left": 1e12, "top": 0, "width": 50, "height": 50, "unit": "percent"},
            {"relativeArea": {"left": 1e6, "width": 50.0, "height": 50.0}},
        ),
        ({"aspectRatio": "16:9"}, {"aspectRatio": "16:9"}),
    ],
)
def test_crop(settings: dict[str, Any], crop: dict[str, Any]) -> None:
    assert operations("crop", settings) == [{"crop": crop}, {"convert": KEPT}]


@pytest.mark.parametrize(
    ("settings", "rotate"),
    [
        ({}, {}),
        ({"angle": 90}, {"angle": 90.0}),
        ({"angle": -450.5}, {"angle": -90.5}),
        ({"angle": 1e300}, {}),
        ({"horizontal": True}, {"mirrorHorizontally": True}),
        ({"vertical": True, "angle": 45}, {"angle": 45.0, "mirrorVertically": True}),
        ({"flip": "horizontal"}, {"mirrorHorizontally": True}),
        ({"flip": "vertical"}, {"mirrorVertically": True}),
        ({"flip": "both", "background": "#00ff00"}, {"mirrorHorizontally": True, "mirrorVertically": True, "background": "#00ff00"}),
    ],
)
def test_rotate(settings: dict[str, Any], rotate: dict[str, Any]) -> None:
    assert operations("rotate", settings) == [{"rotate": {"background": "#000000"} | rotate}, {"convert": KEPT}]


FRAME = {"width": 10, "color": "#000000", "marginColor": "#FFFFFF"}


@pytest.mark.parametrize(
    ("settings", "border"),
    [
        ({}, FRAME),
        ({"borderWidth": 0}, {"color": "#000000", "marginColor": "#FFFFFF"}),
        (
            {"borderWidth": 2.5, "borderColor": "#ff0000", "padding": 3, "paddingColor": "#0000ff", "cornerRadius": 8},
            {"width": 3, "color": "#ff0000", "margin": 3, "marginColor": "#0000ff", "cornerRadius": 8},
        ),
        (
            {"shadow": True},
            FRAME | {"shadow": True, "shadowBlur": 15.0, "shadowOffsetY": 5, "shadowColor": "#000000", "shadowOpacity": 40.0},
        ),
        (
            {"shadow": True, "shadowBlur": 1, "shadowOffsetX": -50, "shadowOffsetY": 0, "shadowColor": "#112233", "shadowOpacity": 100},
            FRAME | {"shadow": True, "shadowBlur": 1.0, "shadowOffsetX": -50, "shadowColor": "#112233", "shadowOpacity": 100.0},
        ),
        ({"shadowBlur": 3}, FRAME),
        (
            {"shadow": True, "shadowOpacity": 0, "shadowOffsetY": 0},
            FRAME | {"shadow": True, "shadowBlur": 15.0, "shadowColor": "#000000", "shadowOpacity": 1e-06},
        ),
        ({"width": 4, "color": "#ffffff", "borderRadius": 6}, FRAME | {"width": 4, "color": "#ffffff", "cornerRadius": 6}),
    ],
)
def test_border(settings: dict[str, Any], border: dict[str, Any]) -> None:
    assert operations("border", settings) == [{"border": border}, {"convert": KEPT}]


@pytest.mark.parametrize(
    ("settings", "name", "convert"),
    [
        ({"format": "jpg"}, "photo.jpg", {"format": "PICTURE_FORMAT_JPEG", "quality": 95, "progressive": False}),
        ({"format": "jpeg", "quality": 50}, "photo.jpg", {"format": "PICTURE_FORMAT_JPEG", "quality": 50, "progressive": False}),
        ({"format": "png"}, "photo.png", {"format": "PICTURE_FORMAT_PNG"}),
        ({"format": "png", "quality": 100}, "photo.png", {"format": "PICTURE_FORMAT_PNG"}),
        ({"format": "png", "quality": 50}, "photo.png", {"format": "PICTURE_FORMAT_PNG", "maxColors": 128}),
        ({"format": "gif", "quality": 1}, "photo.gif", {"format": "PICTURE_FORMAT_GIF", "maxColors": 3}),
        ({"format": "webp", "quality": 79.5}, "photo.webp", {"format": "PICTURE_FORMAT_WEBP", "quality": 80}),
        ({"format": "avif"}, "photo.avif", {"format": "PICTURE_FORMAT_AVIF", "quality": 95}),
        ({"format": "tiff"}, "photo.tiff", {"format": "PICTURE_FORMAT_TIFF"}),
        ({"format": "tiff", "quality": 70}, "photo.tiff", {"format": "PICTURE_FORMAT_TIFF", "quality": 70}),
        ({"format": "heic"}, "photo.heic", {"format": "PICTURE_FORMAT_HEIC", "quality": 95}),
        ({"format": "heif", "quality": 5}, "photo.heif", {"format": "PICTURE_FORMAT_HEIF", "quality": 5}),
    ],
)
def test_convert(settings: dict[str, Any], name: str, convert: dict[str, Any]) -> None:
    assert operations("convert", settings) == [{"convert": WRITTEN | {"svgDpi": 300} | convert}]
    assert planned("convert", settings).name == name


def test_a_name_without_extension_gets_one() -> None:
    assert planned("convert", {"format": "png"}, "photo").name == "photo.png"
    assert planned("optimize-for-web", {}, "two.dots.gif").name == "two.dots.webp"


@pytest.mark.parametrize(
    ("settings", "convert"),
    [
        ({}, {"quality": 80, "lossless": False, "maxColors": 205}),
        ({"quality": 1}, {"quality": 1, "lossless": False, "maxColors": 3}),
        ({"quality": 100}, {"quality": 100, "lossless": False}),
        ({"mode": "targetSize", "targetSizeKb": 1.5}, {"maxBytes": 1536}),
        ({"mode": "targetSize", "targetSizeKb": 1e-9}, {"maxBytes": 1}),
        ({"mode": "targetSize", "targetSizeKb": 1e300}, {"maxBytes": 2**32 - 1}),
        ({"mode": "targetSize"}, {"quality": 80, "lossless": False, "maxColors": 205}),
        ({"targetSizeKb": 20}, {"quality": 80, "lossless": False, "maxColors": 205}),
        ({"targetSizeKB": 20}, {"maxBytes": 20480}),
    ],
)
def test_compress(settings: dict[str, Any], convert: dict[str, Any]) -> None:
    base = {key: value for key, value in KEPT.items() if key not in ("quality", "keepCoding")}
    assert operations("compress", settings) == [{"convert": base | convert}]


@pytest.mark.parametrize(
    ("settings", "name", "expected"),
    [
        ({}, "photo.webp", [{"convert": WRITTEN | {"format": "PICTURE_FORMAT_WEBP", "quality": 80}}]),
        (
            {"format": "jpeg", "maxWidth": 100},
            "photo.jpg",
            [
                {"resize": {"width": 100, "fit": "FIT_BOUNDS", "withoutEnlargement": True}},
                {"convert": WRITTEN | {"format": "PICTURE_FORMAT_JPEG", "quality": 80, "progressive": True}},
            ],
        ),
        (
            {"format": "jpg", "maxHeight": 99.5, "maxWidthPx": 1e9, "progressive": False, "stripMetadata": False},
            "photo.jpg",
            [
                {"resize": {"width": 65535, "height": 100, "fit": "FIT_BOUNDS", "withoutEnlargement": True}},
                {
                    "convert": {key: value for key, value in WRITTEN.items() if key != "stripMetadata"}
                    | {"format": "PICTURE_FORMAT_JPEG", "quality": 80, "progressive": False}
                },
            ],
        ),
        ({"format": "avif", "quality": 30}, "photo.avif", [{"convert": WRITTEN | {"format": "PICTURE_FORMAT_AVIF", "quality": 30}}]),
        ({"format": "png"}, "photo.png", [{"convert": WRITTEN | {"format": "PICTURE_FORMAT_PNG", "maxColors": 205}}]),
    ],
)
def test_optimize_for_web(settings: dict[str, Any], name: str, expected: list[dict[str, Any]]) -> None:
    plan = planned("optimize-for-web", settings)
    assert [MessageToDict(operation) for operation in plan.operations] == expected
    assert plan.name == name


@pytest.mark.parametrize(
    ("settings", "convert"),
    [
        ({}, {"stripMetadata": True, "stripProfile": True}),
        ({"stripAll": False}, {}),
        ({"stripAll": False, "stripExif": True}, {"stripExif": True}),
        ({"stripAll": False, "stripGps": True}, {"stripLocation": True}),
        ({"stripAll": False, "stripIcc": True}, {"stripProfile": True}),
        ({"stripAll": False, "stripXmp": True}, {"stripXmp": True}),
    ],
)
def test_strip_metadata(settings: dict[str, Any], convert: dict[str, Any]) -> None:
    written = {"format": "PICTURE_FORMAT_KEPT", "quality": 90, "webpQuality": 85, "avifQuality": 50, "progressive": False}
    assert operations("strip-metadata", settings) == [
        {"convert": written | {"keepCoding": True, "pngOtherwise": True, "compact": True, "quick": True} | convert}
    ]


@pytest.mark.parametrize(
    ("tool", "settings", "said"),
    [
        ("resize", {}, "needs width, height or percentage"),
        ("resize", {"fit": "cover"}, "needs width, height or percentage"),
        ("resize", {"width": 0}, "width"),
        ("resize", {"width": 16384}, "width"),
        ("resize", {"height": 1.5}, "height"),
        ("resize", {"width": "100"}, "width"),
        ("resize", {"width": None}, "width"),
        ("resize", {"percentage": 0}, "percentage"),
        ("resize", {"width": 5, "fit": "stretch"}, "fit"),
        ("resize", {"width": 5, "withoutEnlargement": 1}, "withoutEnlargement"),
        ("crop", {}, "needs left, top, width and height"),
        ("crop", {"left": 0, "top": 0, "width": 5}, "needs left, top, width and height"),
        ("crop", {"left": -1, "top": 0, "width": 5, "height": 5}, "left"),
        ("crop", {"left": 0, "top": 0, "width": 0, "height": 5}, "width"),
        ("crop", {"left": 0, "top": 0, "width": 5, "height": 0}, "height"),
        ("crop", {"left": 0, "top": 0, "width": 5, "height": 5, "unit": "em"}, "unit"),
        ("crop", {"aspectRatio": "wide"}, "aspectRatio"),
        ("rotate", {"angle": "90"}, "angle"),
        ("rotate", {"horizontal": "yes"}, "horizontal"),
        ("rotate", {"background": "black"}, "background"),
        ("convert", {}, "format"),
        ("convert", {"format": "bmp"}, "format"),
        ("convert", {"format": "png", "quality": 0}, "quality"),
        ("convert", {"format": "png", "quality": 101}, "quality"),
        ("compress", {"mode": "smallest"}, "mode"),
        ("compress", {"quality": 0}, "quality"),
        ("compress", {"targetSizeKb": 0}, "targetSizeKb"),
        ("optimize-for-web", {"format": "auto"}, "format"),
        ("optimize-for-web", {"maxWidth": 0}, "maxWidth"),
        ("optimize-for-web", {"quality": 101}, "quality"),
        ("strip-metadata", {"stripAll": "true"}, "stripAll"),
        ("border", {"borderWidth": 2001}, "borderWidth"),
        ("border", {"borderWidth": -1}, "borderWidth"),
        ("border", {"borderColor": "#fff"}, "borderColor"),
        ("border", {"padding": 201}, "padding"),
        ("border", {"cornerRadius": 2001}, "cornerRadius"),
        ("border", {"shadowBlur": 0}, "shadowBlur"),
        ("border", {"shadowOffsetX": 51}, "shadowOffsetX"),
        ("border", {"shadowOffsetY": -51}, "shadowOffsetY"),
        ("border", {"shadowOpacity": 101}, "shadowOpacity"),
    ],
)
def test_what_is_refused_says_which_setting(tool: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal) as refused:
        planned(tool, settings)
    assert (refused.value.status, refused.value.error) == (400, "Invalid settings")
    assert said in str(refused.value.details)
