"""Tools of SnapOtter's API that remove noise and damage (section 10 of its contract), through the public port."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from services.pictures.media_format import MediaFormat, sniff
from tests.system.pictures import encoded, opened
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_progress import result_of_tool

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def _noisy() -> Image.Image:
    clean = np.asarray(Image.open(SAMPLES / "portrait.jpg").convert("RGB"), float)[20:148, 100:260]
    return Image.fromarray(np.clip(clean + np.random.default_rng(1).normal(0, 20, clean.shape), 0, 255).astype(np.uint8))


NOISY = encoded(_noisy(), "PNG")


async def denoised(caller: SnapOtter, settings: object = None, picture: bytes = NOISY, name: str = "photo.png") -> Mapping[str, Any]:
    return await result_of_tool(caller, "noise-removal", picture, settings, name)


async def pixels_of(caller: SnapOtter, settings: object) -> np.ndarray[Any, Any]:
    return np.asarray(opened(await caller.download((await denoised(caller, settings))["downloadUrl"])).convert("RGB"), float)


def rough(pixels: np.ndarray[Any, Any]) -> float:
    return float(np.abs(np.diff(pixels.mean(axis=2), axis=1)).mean())


def colourful(pixels: np.ndarray[Any, Any]) -> float:
    return float(np.abs(np.diff(pixels[..., 0] - pixels[..., 2], axis=1)).mean())


async def test_noise_is_removed(person: SnapOtter) -> None:
    result = await denoised(person)
    assert result.keys() == {"jobId", "downloadUrl", "originalSize", "processedSize"}
    assert result["originalSize"] == len(NOISY)
    assert result["downloadUrl"].endswith("/photo_denoised.png")
    content = await person.download(result["downloadUrl"])
    assert (opened(content).size, len(content)) == (_noisy().size, result["processedSize"])
    assert rough(np.asarray(opened(content).convert("RGB"), float)) < 0.5 * rough(np.asarray(_noisy(), float))


@pytest.mark.cases(1)
@pytest.mark.parametrize("tier", ["quick", "balanced", "quality", "maximum"])
async def test_each_tier(person: SnapOtter, tier: str) -> None:
    assert rough(await pixels_of(person, {"tier": tier})) < 0.6 * rough(np.asarray(_noisy(), float))


@pytest.mark.thorough
async def test_strength(person: SnapOtter) -> None:
    found = [rough(await pixels_of(person, {"strength": strength})) for strength in (0, "20", 50, "100")]
    assert found == sorted(found, reverse=True)
    assert found[0] == rough(np.asarray(_noisy(), float))


@pytest.mark.thorough
async def test_detail_and_noise_of_colours(person: SnapOtter) -> None:
    details = [rough(await pixels_of(person, {"detailPreservation": detail})) for detail in (0, "50", 100)]
    assert details == sorted(details)
    colours = [colourful(await pixels_of(person, {"colorNoise": colour})) for colour in ("0", 30, 100)]
    assert colours == sorted(colours, reverse=True)
    assert colours[0] > 3 * colours[1]


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("format_", "extension"), [("original", "png"), ("png", "png"), ("jpeg", "jpg"), ("webp", "webp"), ("avif", "avif")]
)
async def test_each_format(person: SnapOtter, format_: str, extension: str) -> None:
    result = await denoised(person, {"format": format_, "quality": "80"})
    assert result["downloadUrl"].endswith(f"/photo_denoised.{extension}")
    found = sniff((await person.download(result["downloadUrl"]))[:4096], f"a.{extension}")
    assert isinstance(found, MediaFormat)
    assert extension in found.extensions


@pytest.mark.thorough
async def test_less_quality_is_smaller(person: SnapOtter) -> None:
    sizes = [(await denoised(person, {"format": "jpeg", "quality": quality}))["processedSize"] for quality in (30, "95")]
    assert sizes[0] < sizes[1] / 2


async def test_a_jpeg_stays_one(person: SnapOtter) -> None:
    result = await denoised(person, None, encoded(_noisy(), "JPEG"), "photo.jpg")
    assert result["downloadUrl"].endswith("/photo_denoised.jpg")
    assert opened(await person.download(result["downloadUrl"])).format == "JPEG"


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"tier": "best"}, "tier"),
        ({"strength": 101}, "strength"),
        ({"strength": "much"}, "strength"),
        ({"detailPreservation": -1}, "detailPreservation"),
        ({"colorNoise": [3]}, "colorNoise"),
        ({"quality": 0}, "quality"),
        ({"format": "tiff"}, "format"),
        ({"format": 3}, "format"),
    ],
)
async def test_bad_settings(person: SnapOtter, settings: object, field: str) -> None:
    reply = await person.tool("noise-removal", NOISY, settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")
    assert field in reply.json()["details"]


async def test_in_batches_and_pipelines_it_is_waited_for(person: SnapOtter) -> None:
    steps = {"steps": [{"toolId": "noise-removal", "settings": {"tier": "quick"}}, {"toolId": "rotate", "settings": {"angle": 90}}]}
    reply = await person.form("/api/v1/pipeline/execute", ("file", NOISY, "photo.png"), ("pipeline", json.dumps(steps)))
    assert reply.status_code == 200, reply.text
    assert opened(await person.download(reply.json()["downloadUrl"])).size == (128, 160)
    batch = await person.form("/api/v1/tools/noise-removal/batch", ("file", NOISY, "a.png"), ("file", NOISY, "b.png"))
    assert (batch.status_code, batch.headers["content-type"]) == (200, "application/zip")
    assert b"b_denoised.png" in batch.content


def _old_photograph(gray: bool = False) -> tuple[Image.Image, np.ndarray[Any, Any]]:
    """A photograph with two scratches, and where they are."""
    with Image.open(SAMPLES / "portrait.jpg") as photograph:
        clean = photograph.convert("L").convert("RGB") if gray else photograph.convert("RGB")
    pixels = np.asarray(clean).copy()
    height, width = pixels.shape[:2]
    where = np.zeros((height, width), np.uint8)
    cv2.line(where, (int(0.1 * width), 0), (int(0.25 * width), height), 255, 2, cv2.LINE_AA)
    cv2.line(where, (int(0.75 * width), 0), (int(0.6 * width), height), 255, 2, cv2.LINE_AA)
    pixels[where > 100] = 252
    return Image.fromarray(pixels), where > 100


SCRATCHED, DAMAGE = _old_photograph()
SCRATCHED_FILE = encoded(SCRATCHED, "PNG")
LITTLE_WORK = {"denoise": False, "faceEnhancement": False}


async def restored(caller: SnapOtter, settings: object = None, picture: bytes = SCRATCHED_FILE, name: str = "old.png") -> Mapping[str, Any]:
    return await result_of_tool(caller, "restore-photo", picture, settings, name)


@pytest.mark.thorough
async def test_scratches_are_filled(person: SnapOtter) -> None:
    result = await restored(person, LITTLE_WORK)
    fields = {"jobId", "downloadUrl", "originalSize", "processedSize", "width", "height"}
    assert result.keys() == fields | {"steps", "scratchCoverage", "facesEnhanced", "isGrayscale", "colorized"}
    assert (result["width"], result["height"]) == SCRATCHED.size
    assert (result["steps"], result["facesEnhanced"], result["isGrayscale"], result["colorized"]) == (["scratch_removal"], 0, False, False)
    assert 0.5 * 100 * DAMAGE.mean() < result["scratchCoverage"] < 3 * 100 * DAMAGE.mean()
    assert result["downloadUrl"].endswith("/old_restored.png")
    with Image.open(SAMPLES / "portrait.jpg") as photograph:
        truth = np.asarray(photograph.convert("RGB"), float)
    made = np.asarray(opened(await person.download(result["downloadUrl"])).convert("RGB"), float)
    before = np.abs(np.asarray(SCRATCHED, float) - truth)[DAMAGE].mean()
    assert np.abs(made - truth)[DAMAGE].mean() < 0.4 * before


async def test_noise_is_removed_as_far_as_is_said(person: SnapOtter) -> None:
    found = []
    for strength in (0, 40, 100):
        result = await restored(person, {"denoiseStrength": strength, "scratchRemoval": False}, NOISY)
        assert result["steps"] == (["denoise"] if strength else [])
        assert result["scratchCoverage"] == 0
        found.append(rough(np.asarray(opened(await person.download(result["downloadUrl"])).convert("RGB"), float)))
    assert found == sorted(found, reverse=True)


async def test_nothing_to_do_changes_nothing(person: SnapOtter) -> None:
    result = await restored(person, {**LITTLE_WORK, "scratchRemoval": False})
    assert result["steps"] == []
    assert np.array_equal(np.asarray(opened(await person.download(result["downloadUrl"])).convert("RGB")), np.asarray(SCRATCHED))


def _worn_photograph() -> Image.Image:
    """A small one with a scratch that nobody overlooks and one that is as good as gone."""
    with Image.open(SAMPLES / "portrait.jpg") as photograph:
        pixels = np.asarray(photograph.convert("RGB"), float)[:200, :200].copy()
    for (top, bottom), share in (((20, 50), 1.0), ((150, 120), 0.2)):
        where = np.zeros(pixels.shape[:2], np.uint8)
        cv2.line(where, (top, 0), (bottom, 200), 255, 2, cv2.LINE_AA)
        pixels[where > 100] += share * (252 - pixels[where > 100])
    return Image.fromarray(pixels.round().astype(np.uint8))


@pytest.mark.thorough
async def test_modes_differ_in_what_they_take_for_damage(person: SnapOtter) -> None:
    picture = encoded(_worn_photograph(), "PNG")
    found = {
        mode: (await restored(person, {**LITTLE_WORK, "mode": mode}, picture))["scratchCoverage"] for mode in ("light", "auto", "heavy")
    }
    assert 0 < found["light"] < found["auto"] < found["heavy"]


async def test_a_black_and_white_photograph_is_called_so(person: SnapOtter) -> None:
    picture = encoded(_old_photograph(gray=True)[0], "JPEG")
    result = await restored(person, {**LITTLE_WORK, "scratchRemoval": False, "colorize": True}, picture, "old.jpg")
    assert (result["isGrayscale"], result["colorized"]) == (True, False)
    assert result["downloadUrl"].endswith("/old_restored.jpg")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"mode": "strong"}, "mode"),
        ({"scratchRemoval": "yes"}, "scratchRemoval"),
        ({"faceEnhancement": 1}, "faceEnhancement"),
        ({"fidelity": 1.1}, "fidelity"),
        ({"denoise": 0}, "denoise"),
        ({"denoiseStrength": "40"}, "denoiseStrength"),
        ({"denoiseStrength": 101}, "denoiseStrength"),
        ({"colorize": "true"}, "colorize"),
    ],
)
async def test_bad_settings_of_a_restoration(person: SnapOtter, settings: object, field: str) -> None:
    reply = await person.tool("restore-photo", SCRATCHED_FILE, settings)
    assert (reply.status_code, reply.json()["error"]) == (400, "Invalid settings")
    assert field in reply.json()["details"]


@pytest.mark.thorough
async def test_restorations_in_batches_and_pipelines_are_waited_for(person: SnapOtter) -> None:
    steps = {"steps": [{"toolId": "restore-photo", "settings": LITTLE_WORK}, {"toolId": "resize", "settings": {"width": 50}}]}
    reply = await person.form("/api/v1/pipeline/execute", ("file", SCRATCHED_FILE, "old.png"), ("pipeline", json.dumps(steps)))
    assert reply.status_code == 200, reply.text
    assert opened(await person.download(reply.json()["downloadUrl"])).width == 50
    batch = await person.form("/api/v1/tools/restore-photo/batch", ("file", NOISY, "a.png"), ("file", NOISY, "b.png"))
    assert (batch.status_code, batch.headers["content-type"]) == (200, "application/zip")
    assert b"b_restored.png" in batch.content


@pytest.mark.thorough
async def test_faces_are_sharpened_where_they_are(person: SnapOtter) -> None:
    picture = encoded(Image.open(SAMPLES / "portrait.jpg").convert("RGB"), "PNG")
    settings = {"scratchRemoval": False, "denoise": False}
    result = await restored(person, {**settings, "fidelity": 0}, picture)
    assert (result["steps"], result["facesEnhanced"]) == (["face_enhancement"], 1)
    assert (await restored(person, {**settings, "faceEnhancement": False}, picture))["facesEnhanced"] == 0
