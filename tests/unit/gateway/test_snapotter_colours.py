"""SnapOtter's tools of colour and text: what their settings mean, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.tools.registry import TOOLS
from tests.unit.gateway.test_snapotter_shapes import KEPT, operations, planned

ADJUSTING = ["adjust-colors", "brightness-contrast", "saturation", "color-channels", "color-effects", "color-adjustments"]
SHARPENING: dict[str, Any] = {
    "method": "SHARPEN_METHOD_ADAPTIVE",
    "sigma": 1.0,
    "m1": 1.0,
    "m2": 3.0,
    "x1": 2.0,
    "y2": 12.0,
    "y3": 20.0,
    "amount": 100.0,
    "radius": 1.0,
    "threshold": 0.0,
    "strength": 50.0,
    "kernelSize": 3,
}
MARK: dict[str, Any] = {"text": "Ada", "fontSize": 48.0, "color": "#000000", "opacity": 50.0, "position": "POSITION_CENTER"}
CAPTION: dict[str, Any] = {"text": "Ada", "fontSize": 48.0, "color": "#FFFFFF", "position": "POSITION_BOTTOM", "shadow": True}


def first(tool: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The one operation before the picture is written as it was."""
    found, last = operations(tool, settings)
    assert last == {"convert": KEPT}
    return found


@pytest.mark.parametrize("tool", ADJUSTING)
def test_colours_are_adjusted_alike_under_every_name(tool: str) -> None:
    assert first(tool, {}) == {"colorAdjust": {}}
    settings = dict.fromkeys(("brightness", "contrast", "exposure", "saturation", "temperature", "tint", "hue", "sharpness"), 12.5)
    assert first(tool, settings | {"effect": "none", "unknown": 7}) == {"colorAdjust": settings}
    assert first(tool, {"red": 0, "green": 200, "blue": 110.5, "effect": "sepia"}) == {
        "colorAdjust": {"red": -100.0, "green": 100.0, "blue": 10.5, "effect": "COLOR_EFFECT_SEPIA"}
    }
    assert first(tool, {"effect": "invert", "hue": -180}) == {"colorAdjust": {"effect": "COLOR_EFFECT_INVERT", "hue": -180.0}}
    assert planned(tool, {}).name is None


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({}, {}),
        (
            {"sigma": 0.5, "m1": 0, "m2": 20, "x1": 10, "y2": 0, "y3": 50},
            {"sigma": 0.5, "m1": 0.0, "m2": 20.0, "x1": 10.0, "y2": 0.0, "y3": 50.0},
        ),
        (
            {"method": "unsharp-mask", "amount": 1000, "radius": 0.1},
            {"method": "SHARPEN_METHOD_UNSHARP_MASK", "amount": 1000.0, "radius": 0.1},
        ),
        ({"method": "high-pass", "kernelSize": 5}, {"method": "SHARPEN_METHOD_HIGH_PASS", "kernelSize": 5}),
        ({"mode": "highpass"}, {"method": "SHARPEN_METHOD_HIGH_PASS"}),
        ({"denoise": "medium"}, {"denoise": "SHARPEN_DENOISE_MEDIUM"}),
    ],
)
def test_sharpening(settings: dict[str, Any], changed: dict[str, Any]) -> None:
    assert first("sharpening", settings) == {"sharpen": SHARPENING | changed}


@pytest.mark.parametrize(
    ("settings", "replaced"),
    [
        ({}, {"color": "#FF0000", "replacement": "#00FF00", "tolerance": 30.0}),
        ({"sourceColor": "#ffffff", "makeTransparent": True, "tolerance": 0}, {"color": "#ffffff", "replacement": "transparent"}),
        ({"targetColor": "#010203", "replacementColor": "#040506"}, {"color": "#010203", "replacement": "#040506", "tolerance": 30.0}),
    ],
)
def test_a_colour_is_replaced(settings: dict[str, Any], replaced: dict[str, Any]) -> None:
    assert first("replace-color", settings) == {"replaceColor": replaced}


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({}, {}),
        ({"fontSize": 1000, "color": "#12abEF", "opacity": 0}, {"fontSize": 1000.0, "color": "#12abEF", "opacity": 0.0}),
        ({"position": "bottom-left", "rotation": -360}, {"position": "POSITION_BOTTOM_LEFT", "rotation": -360.0}),
        ({"position": "tiled", "rotation": 30}, {"tiled": True, "rotation": 30.0}),
        ({"tile": True}, {"tiled": True}),
    ],
)
def test_a_watermark(settings: dict[str, Any], changed: dict[str, Any]) -> None:
    assert first("watermark-text", {"text": "Ada", **settings}) == {"drawText": MARK | changed}


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({}, {}),
        ({"backgroundColor": "#ff0000"}, {}),
        ({"backgroundBox": True}, {"background": "#000000"}),
        ({"backgroundBox": True, "backgroundColor": "#ff0000", "position": "top"}, {"background": "#ff0000", "position": "POSITION_TOP"}),
        ({"text": "<b>&amp;</b>\n'; DROP TABLE"}, {"text": "<b>&amp;</b>\n'; DROP TABLE"}),
    ],
)
def test_a_caption(settings: dict[str, Any], changed: dict[str, Any]) -> None:
    assert first("text-overlay", {"text": "Ada", **settings}) == {"drawText": CAPTION | changed}
    without = first("text-overlay", {"text": "Ada", "shadow": False})
    assert without == {"drawText": {name: value for name, value in CAPTION.items() if name != "shadow"}}


def test_information_is_one_operation_without_a_picture() -> None:
    assert operations("info", {"anything": 1}) == [{"inspectPicture": {}}]


@pytest.mark.parametrize(
    ("tool", "settings", "field"),
    [
        *(
            ("adjust-colors", {name: value}, name)
            for name in ("brightness", "contrast", "exposure", "saturation", "tint")
            for value in (-101, 101)
        ),
        ("color-effects", {"effect": "negative"}, "effect"),
        ("saturation", {"hue": 181}, "hue"),
        ("color-channels", {"red": -1}, "red"),
        ("color-channels", {"blue": 201}, "blue"),
        ("adjust-colors", {"sharpness": -1}, "sharpness"),
        ("adjust-colors", {"brightness": "abc"}, "brightness"),
        ("adjust-colors", {"brightness": None}, "brightness"),
        ("sharpening", {"sigma": 0.4}, "sigma"),
        ("sharpening", {"y3": 51}, "y3"),
        ("sharpening", {"amount": 1001}, "amount"),
        ("sharpening", {"kernelSize": 4}, "kernelSize"),
        ("sharpening", {"method": "smart"}, "method"),
        ("sharpening", {"denoise": True}, "denoise"),
        ("replace-color", {"sourceColor": "red"}, "sourceColor"),
        ("replace-color", {"targetColor": "#12345"}, "targetColor"),
        ("replace-color", {"tolerance": 256}, "tolerance"),
        ("watermark-text", {}, "text"),
        ("watermark-text", {"text": ""}, "text"),
        ("watermark-text", {"text": "x" * 501}, "text"),
        ("watermark-text", {"text": "x", "fontSize": 7}, "fontSize"),
        ("watermark-text", {"text": "x", "opacity": 101}, "opacity"),
        ("watermark-text", {"text": "x", "position": "top"}, "position"),
        ("watermark-text", {"text": "x", "rotation": 361}, "rotation"),
        ("text-overlay", {"text": 5}, "text"),
        ("text-overlay", {"text": "x", "fontSize": 201}, "fontSize"),
        ("text-overlay", {"text": "x", "position": "tiled"}, "position"),
        ("text-overlay", {"text": "x", "backgroundColor": "#00000000"}, "backgroundColor"),
    ],
)
def test_a_bad_setting_is_named(tool: str, settings: dict[str, Any], field: str) -> None:
    with pytest.raises(Refusal) as refused:
        planned(tool, settings)
    assert (refused.value.status, refused.value.error) == (400, "Invalid settings")
    assert str(refused.value.details).startswith(f"{field}:")


def test_every_tool_is_there() -> None:
    assert {*ADJUSTING, "sharpening", "replace-color", "watermark-text", "text-overlay", "info"} <= TOOLS.keys()
