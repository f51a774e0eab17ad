"""SnapOtter's tools that look at what a photograph shows (sections 8 and 9.5 of its contract), through the public port."""

from __future__ import annotations

import io
import json
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import SnapOtter

PORTRAIT = Path("samples/portrait.jpg").read_bytes()
WIDE = encoded(disc(80, 40), "PNG")
FRAMED = encoded(Image.fromarray(np.pad(np.full((10, 20, 3), 40, np.uint8), ((15, 25), (30, 50), (0, 0)), constant_values=255)), "PNG")
NOT_A_PICTURE = b"no picture at all\n" * 20
SCORES = {"exposure", "contrast", "whiteBalance", "saturation", "sharpness", "noise"}
NO_SIZE = "Either width, height, or square mode must be specified"


def dark() -> bytes:
    """The portrait with a fifth of its light."""
    picture = Image.open(io.BytesIO(PORTRAIT)).convert("RGB")
    return encoded(picture.point(lambda level: int(level * 0.2)), "PNG")


# smart-crop


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"width": 30, "height": 20}, (30, 20)),
        ({"width": 200, "height": 100}, (200, 100)),
        ({"width": 30, "height": 20, "mode": "attention"}, (30, 20)),
        ({"width": 30, "height": 20, "strategy": "entropy"}, (30, 20)),
        ({"width": 30, "height": 20, "mode": "face"}, (30, 20)),
        ({"width": 30, "height": 20, "mode": "face", "facePreset": "half-body", "padding": 50, "sensitivity": 1}, (30, 20)),
        ({"width": 30}, (30, 1080)),
        ({}, (1080, 1080)),
    ],
)
async def test_smart_crop_gives_exactly_the_size(admin: SnapOtter, settings: object, size: tuple[int, int]) -> None:
    assert opened(await admin.result("smart-crop", WIDE, settings)).size == size


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"mode": "trim"}, (20, 10)),
        ({"mode": "content"}, (20, 10)),
        ({"mode": "trim", "padToSquare": True}, (20, 20)),
        ({"mode": "trim", "targetSize": 64}, (64, 64)),
        ({"mode": "trim", "threshold": 255}, (100, 50)),
    ],
)
async def test_smart_crop_trims(admin: SnapOtter, settings: object, size: tuple[int, int]) -> None:
    assert opened(await admin.result("smart-crop", FRAMED, settings)).size == size


async def test_smart_crop_pads_with_the_colour(admin: SnapOtter) -> None:
    made = opened(await admin.result("smart-crop", FRAMED, {"mode": "trim", "padToSquare": True, "padColor": "#ff0000"})).convert("RGB")
    assert made.getpixel((10, 1)) == (255, 0, 0)
    assert made.getpixel((10, 10)) == (40, 40, 40)


async def test_a_closer_preset_shows_less(admin: SnapOtter) -> None:
    settings = {"mode": "face", "width": 200, "height": 200}
    close, far = [
        np.asarray(opened(await admin.result("smart-crop", PORTRAIT, settings | {"facePreset": preset}, "photo.jpg")).convert("L"), float)
        for preset in ("closeup", "half-body")
    ]
    assert np.abs(close - far).mean() > 10


async def test_smart_crop_without_a_face_is_that_of_the_subject(admin: SnapOtter) -> None:
    made = [await admin.result("smart-crop", WIDE, {"width": 30, "height": 30, "mode": mode}) for mode in ("face", "subject")]
    assert made[0] == made[1]


async def test_smart_crop_is_called_so(admin: SnapOtter) -> None:
    reply = await admin.tool("smart-crop", PORTRAIT, {"width": 20, "height": 20}, "a photo.jpeg")
    assert unquote(reply.json()["downloadUrl"]).endswith("/a photo_smartcrop.jpg")


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "nose"},
        {"width": 0},
        {"width": "30"},
        {"height": 1.5},
        {"padding": 51},
        {"sensitivity": 1.1},
        {"threshold": 256},
        {"padColor": "red"},
        {"quality": 0},
        {"targetSize": 0},
        {"strategy": "luck"},
        {"facePreset": "nose"},
    ],
)
async def test_smart_crop_refuses(admin: SnapOtter, settings: object) -> None:
    reply = await admin.tool("smart-crop", WIDE, settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")


async def test_smart_crop_of_one_pixel(admin: SnapOtter) -> None:
    dot = encoded(Image.new("RGB", (1, 1), "red"), "PNG")
    assert opened(await admin.result("smart-crop", dot, {"width": 5, "height": 3})).size == (5, 3)
    assert opened(await admin.result("smart-crop", dot, {"mode": "trim"})).size == (1, 1)


# image-enhancement


async def test_a_dark_picture_becomes_brighter(admin: SnapOtter) -> None:
    picture = dark()
    half, all_ = [float(np.asarray(opened(await admin.result("image-enhancement", picture, {"intensity": by}))).mean()) for by in (20, 100)]
    assert float(np.asarray(opened(picture)).mean()) < half < all_


@pytest.mark.parametrize("mode", ["auto", "portrait", "landscape", "low-light", "food", "document"])
async def test_every_mode_keeps_the_size_and_the_format(admin: SnapOtter, mode: str) -> None:
    made = opened(await admin.result("image-enhancement", PORTRAIT, {"mode": mode}, "photo.jpg"))
    assert (made.format, made.size) == ("JPEG", opened(PORTRAIT).size)


@pytest.mark.parametrize("settings", [{"intensity": 0}, {"corrections": dict.fromkeys((*(SCORES - {"noise"}), "denoise"), False)}])
async def test_nothing_is_changed(admin: SnapOtter, settings: object) -> None:
    picture = dark()
    assert np.array_equal(np.asarray(opened(await admin.result("image-enhancement", picture, settings))), np.asarray(opened(picture)))


@pytest.mark.parametrize(
    "settings", [{"mode": "night"}, {"intensity": 101}, {"intensity": "50"}, {"corrections": {"exposure": 1}}, {"corrections": []}]
)
async def test_image_enhancement_refuses(admin: SnapOtter, settings: object) -> None:
    reply = await admin.tool("image-enhancement", WIDE, settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")


async def test_analysis(admin: SnapOtter) -> None:
    reply = await admin.tool("image-enhancement/analyze", dark())
    assert reply.status_code == 200, reply.text
    told = reply.json()
    assert set(told) == {"scores", "corrections", "issues", "suggestedMode"}
    assert set(told["scores"]) == SCORES and all(0 <= score <= 100 for score in told["scores"].values())
    assert set(told["corrections"]) == {"brightness", "contrast", "temperature", "saturation", "sharpness", "denoise"}
    assert told["scores"]["exposure"] < 30 < told["corrections"]["brightness"]
    assert told["issues"] and all(isinstance(each, str) for each in told["issues"])
    assert told["suggestedMode"] == "low-light"


async def test_analysis_refuses(admin: SnapOtter) -> None:
    missing = await admin.form("/api/v1/tools/image-enhancement/analyze", ("settings", "{}"))
    assert (missing.status_code, missing.json()["error"]) == (400, "No image file provided")
    invalid = await admin.tool("image-enhancement/analyze", NOT_A_PICTURE)
    assert invalid.status_code == 400 and invalid.json()["error"].startswith("Invalid image: ")


# content-aware-resize


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"width": 60}, (60, 40)),
        ({"height": 30}, (80, 30)),
        ({"width": 60, "height": 30}, (60, 30)),
        ({"width": 100, "protectFaces": True}, (100, 40)),
        ({"square": True}, (40, 40)),
        ({"width": 30, "square": True, "blurRadius": 0, "sobelThreshold": 20}, (30, 30)),
        ({"width": 60.4}, (60, 40)),
        ({"width": 0.1}, (1, 40)),
    ],
)
async def test_content_aware_resize(admin: SnapOtter, settings: object, size: tuple[int, int]) -> None:
    reply = await admin.tool("content-aware-resize", WIDE, settings, "photo.webp")
    assert reply.status_code == 200, reply.text
    told = reply.json()
    assert set(told) == {"jobId", "downloadUrl", "originalSize", "processedSize", "width", "height"}
    assert told["downloadUrl"].endswith("/photo_seam.png")
    made = await admin.download(told["downloadUrl"])
    assert (opened(made).format, opened(made).size, len(made)) == ("PNG", size, told["processedSize"])
    assert (told["width"], told["height"], told["originalSize"]) == (*size, len(WIDE))


async def test_content_aware_resize_needs_a_size(admin: SnapOtter) -> None:
    for settings in (None, {}, {"square": False}):
        reply = await admin.tool("content-aware-resize", WIDE, settings)
        assert (reply.status_code, reply.json()["error"]) == (400, NO_SIZE)


@pytest.mark.parametrize("settings", [{"width": 0}, {"width": "60"}, {"width": 5, "blurRadius": 21}, {"width": 5, "sobelThreshold": 0}])
async def test_content_aware_resize_refuses(admin: SnapOtter, settings: object) -> None:
    reply = await admin.tool("content-aware-resize", WIDE, settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")


async def test_content_aware_resize_of_what_is_no_picture(admin: SnapOtter) -> None:
    reply = await admin.tool("content-aware-resize", NOT_A_PICTURE, {"width": 5})
    assert reply.status_code == 400 and reply.json()["error"].startswith("Invalid image: ")
    missing = await admin.form("/api/v1/tools/content-aware-resize", ("settings", '{"width":5}'))
    assert missing.status_code == 400


async def test_content_aware_resize_that_is_too_large(admin: SnapOtter) -> None:
    reply = await admin.tool("content-aware-resize", WIDE, {"width": 1e9, "height": 1e9})
    assert (reply.status_code, reply.json()["error"]) == (422, "Content-aware resize failed")


# pipelines


@pytest.mark.parametrize(
    ("step", "size"),
    [
        ({"toolId": "resize", "settings": {"width": 60, "contentAware": True}}, (60, 40)),
        ({"toolId": "content-aware-resize", "settings": {"height": 30}}, (80, 30)),
        ({"toolId": "smart-crop", "settings": {"width": 33, "height": 44}}, (33, 44)),
        ({"toolId": "image-enhancement"}, (80, 40)),
    ],
)
async def test_in_a_pipeline(admin: SnapOtter, step: object, size: tuple[int, int]) -> None:
    steps = json.dumps({"steps": [step]})
    reply = await admin.form("/api/v1/pipeline/execute", ("file", WIDE, "photo.png"), ("pipeline", steps))
    assert reply.status_code == 200, reply.text
    assert opened(await admin.download(reply.json()["downloadUrl"])).size == size
