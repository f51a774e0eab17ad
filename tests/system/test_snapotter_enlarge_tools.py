"""Tools of SnapOtter's API that enlarge pictures and sharpen faces (section 10 of its contract), through the public port."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from services.pictures.media_format import MediaFormat, sniff
from tests.system.conftest import SAMPLES
from tests.system.pictures import disc, encoded, opened
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_progress import result_of_tool

PICTURE = encoded(disc(64, 48), "JPEG")


async def upscaled(caller: SnapOtter, settings: object = None, picture: bytes = PICTURE, name: str = "photo.jpg") -> Mapping[str, Any]:
    return await result_of_tool(caller, "upscale", picture, settings, name)


@pytest.mark.parametrize(
    ("scale", "size", "said"),
    [
        (2, (128, 96), "2"),
        ("4", (256, 192), "4"),
        (3, (192, 144), "3"),
        (8, (512, 384), "8"),
        (1.5, (96, 72), "1.5"),
        ("2.5", (160, 120), "2.5"),
        (5, (320, 240), "5"),
    ],
)
async def test_any_scale(person: SnapOtter, scale: object, size: tuple[int, int], said: str) -> None:
    result = await upscaled(person, {"scale": scale})
    assert result["downloadUrl"].endswith(f"/photo_{said}x.jpg")
    assert (result["width"], result["height"]) == opened(await person.download(result["downloadUrl"])).size == size
    assert result["method"].startswith("srmd_upscale_x")


async def test_once_is_not_enlarged(person: SnapOtter) -> None:
    result = await upscaled(person, {"scale": 1})
    assert (result["width"], result["height"], result["method"]) == (64, 48, "none")


async def test_the_defaults(person: SnapOtter) -> None:
    result = await upscaled(person)
    assert result.keys() == {"jobId", "downloadUrl", "originalSize", "processedSize", "width", "height", "method"}
    assert (result["width"], result["originalSize"]) == (128, len(PICTURE))
    assert result["downloadUrl"].endswith("/photo_2x.jpg")


@pytest.mark.parametrize("format_", ["jpg", "jpeg", "png", "webp", "avif", "tiff", "gif", "heic", "heif"])
async def test_each_format(person: SnapOtter, format_: str) -> None:
    result = await upscaled(person, {"format": format_, "quality": "80", "model": "something else"})
    content = await person.download(result["downloadUrl"])
    extension = "jpg" if format_ == "jpeg" else format_
    assert result["downloadUrl"].endswith(f"/photo_2x.{extension}")
    found = sniff(content[:4096], f"a.{extension}")
    assert isinstance(found, MediaFormat)
    assert extension in (*found.extensions, "heif", "heic")
    assert ("previewUrl" in result) is (format_ in ("tiff", "heic", "heif"))


@pytest.mark.thorough
async def test_less_quality_is_smaller(person: SnapOtter) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (60, 80, 3), dtype=np.uint8))
    picture = encoded(noise, "JPEG")
    sizes = [(await upscaled(person, {"quality": quality}, picture))["processedSize"] for quality in (30, 95)]
    assert sizes[0] < sizes[1] / 2


@pytest.mark.thorough
async def test_noise_is_removed_before(person: SnapOtter) -> None:
    noise = np.clip(np.random.default_rng(1).normal(120, 25, (60, 80, 3)), 0, 255).astype(np.uint8)
    picture = encoded(Image.fromarray(noise), "PNG")
    spread = []
    for denoise in ("0", "50"):
        result = await upscaled(person, {"denoise": denoise}, picture, "a.png")
        spread.append(np.asarray(opened(await person.download(result["downloadUrl"])).convert("L"), float).std())
    # The network's own filters remove part of it unasked.
    assert spread[1] < 0.9 * spread[0]
    assert spread[1] < 0.5 * np.asarray(Image.fromarray(noise).convert("L"), float).std()


async def test_alpha_stays(person: SnapOtter) -> None:
    picture = Image.new("RGBA", (20, 20), (200, 30, 30, 0))
    picture.paste((200, 30, 30, 255), (0, 0, 10, 20))
    result = await upscaled(person, {"faceEnhance": True}, encoded(picture, "PNG"), "a.png")
    alpha = np.asarray(opened(await person.download(result["downloadUrl"])).convert("RGBA"))[..., 3]
    assert alpha.shape == (40, 40)
    assert (alpha[20, 5] > 250, alpha[20, 35] < 5) == (True, True)


async def test_a_single_pixel(person: SnapOtter) -> None:
    result = await upscaled(person, {"scale": 4}, encoded(Image.new("RGB", (1, 1), (9, 200, 9)), "PNG"), "a.png")
    assert opened(await person.download(result["downloadUrl"])).size == (4, 4)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"scale": 0.5}, "scale"),
        ({"scale": 9}, "scale"),
        ({"scale": "double"}, "scale"),
        ({"scale": [2]}, "scale"),
        ({"format": 3}, "format"),
        ({"format": "bmp"}, "format"),
        ({"quality": 0}, "quality"),
        ({"quality": "101"}, "quality"),
        ({"denoise": -1}, "denoise"),
        ({"faceEnhance": "yes"}, "faceEnhance"),
        ({"model": 7}, "model"),
    ],
)
async def test_bad_settings(person: SnapOtter, settings: object, field: str) -> None:
    reply = await person.tool("upscale", PICTURE, settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")
    assert field in reply.json()["details"]


async def test_what_would_be_too_large_is_said_at_once(person: SnapOtter) -> None:
    reply = await person.tool("upscale", encoded(Image.new("L", (6000, 4000)), "PNG"), {"scale": 8})
    assert reply.status_code == 422, reply.text
    assert reply.json()["error"] == "Upscaling failed"
    assert "megapixels" in reply.json()["details"]


async def test_in_batches_and_pipelines_it_is_waited_for(person: SnapOtter) -> None:
    steps = {"steps": [{"toolId": "upscale", "settings": {"scale": 2}}, {"toolId": "rotate", "settings": {"angle": 90}}]}
    reply = await person.form("/api/v1/pipeline/execute", ("file", PICTURE, "photo.jpg"), ("pipeline", json.dumps(steps)))
    assert reply.status_code == 200, reply.text
    assert opened(await person.download(reply.json()["downloadUrl"])).size == (96, 128)
    batch = await person.form("/api/v1/tools/upscale/batch", ("file", PICTURE, "a.jpg"), ("file", PICTURE, "b.jpg"))
    assert (batch.status_code, batch.headers["content-type"]) == (200, "application/zip")
    assert b"b_2x.jpg" in batch.content


async def test_faces_are_found_and_sharpened(person: SnapOtter) -> None:
    picture = Image.open(SAMPLES / "portrait.jpg").convert("RGB")
    result = await result_of_tool(person, "enhance-faces", encoded(picture, "PNG"), {"model": "gfpgan", "strength": 1}, "a.jpg")
    assert result["downloadUrl"].endswith("/a_enhanced.png")
    assert result["previewUrl"] == f"/api/v1/download/{result['jobId']}/preview.webp"
    assert opened(await person.download(result["previewUrl"])).format == "WEBP"
    # What was asked for is not there, and nobody claims that it was used.
    assert result["model"].startswith("real")
    assert result["facesDetected"] == len(result["faces"]) == 1
    [face] = result["faces"]
    before = np.asarray(picture, float)
    after = np.asarray(opened(await person.download(result["downloadUrl"])).convert("RGB"), float)
    changed = np.abs(after - before).max(axis=2) > 0
    inside = np.zeros_like(changed)
    inside[face["y"] : face["y"] + face["h"], face["x"] : face["x"] + face["w"]] = True
    assert changed[inside].mean() > 0.3
    assert not changed[~inside].any()
    weak = await result_of_tool(person, "enhance-faces", encoded(picture, "PNG"), {"strength": 0.2})
    less = np.asarray(opened(await person.download(weak["downloadUrl"])).convert("RGB"), float)
    assert np.abs(less - before).sum() < 0.5 * np.abs(after - before).sum()
    none = await result_of_tool(person, "enhance-faces", encoded(picture, "PNG"), {"strength": 0})
    assert (np.asarray(opened(await person.download(none["downloadUrl"])).convert("RGB")) == before).all()


async def test_the_face_in_the_middle_alone(person: SnapOtter) -> None:
    portrait = Image.open(SAMPLES / "portrait.jpg").convert("RGB").crop((100, 0, 360, 260))
    group = Image.new("RGB", (900, 300), (200, 200, 200))
    for left in (0, 320, 640):
        group.paste(portrait, (left, 20))
    picture = encoded(group, "PNG")
    every = await result_of_tool(person, "enhance-faces", picture)
    middle = await result_of_tool(person, "enhance-faces", picture, {"onlyCenterFace": True})
    assert (every["facesDetected"], middle["facesDetected"]) == (3, 3)
    assert len(every["faces"]) == 3
    [face] = middle["faces"]
    assert 320 < face["x"] + face["w"] / 2 < 580


async def test_a_picture_without_faces_stays_as_it_is(person: SnapOtter) -> None:
    result = await result_of_tool(person, "enhance-faces", PICTURE)
    assert (result["facesDetected"], result["faces"], result["model"]) == (0, [], "")
    same = np.asarray(opened(await person.download(result["downloadUrl"])).convert("RGB")) == np.asarray(opened(PICTURE).convert("RGB"))
    assert same.all()


@pytest.mark.parametrize(
    "settings", [{"strength": 1.1}, {"strength": "1"}, {"sensitivity": -1}, {"onlyCenterFace": 1}, {"model": "esrgan"}]
)
async def test_bad_settings_of_faces(person: SnapOtter, settings: object) -> None:
    reply = await person.tool("enhance-faces", PICTURE, settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")
