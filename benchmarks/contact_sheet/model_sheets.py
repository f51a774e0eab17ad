"""Sheets of the tools with models, and their pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.contact_sheet.cells import Cell, Sheet, each
from benchmarks.contact_sheet.sources import SAMPLES, source, written

_SMALL = 180
"""Longest side of what is enlarged."""


@source("small portrait", "portrait.jpg", "small")
def _small_portrait() -> bytes:
    picture = Image.open(SAMPLES / "portrait.jpg").convert("RGB")
    picture.thumbnail((_SMALL, _SMALL), Image.Resampling.LANCZOS)
    return written(picture, "JPEG", quality=85)


@source("scratched", "scratched.png")
def _scratched() -> bytes:
    picture = Image.open(SAMPLES / "portrait.jpg").convert("L").convert("RGB")
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    for start, end in ((0.12, 0.25), (0.8, 0.66)):
        draw.line([(start * width, 0), (end * width, height)], (250, 248, 240), 2)
    draw.line([(0, 0.8 * height), (0.5 * width, 0.77 * height), (width, 0.83 * height)], (248, 246, 240), 3)
    pixels = np.asarray(picture, np.float64)
    noise = np.random.default_rng(1).normal(0, 8, pixels.shape[:2])[..., None]
    return written(Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)), "PNG")


def sheets() -> Sequence[Sheet]:
    """In the order in which the page shows them."""
    return (_enlarged(), _denoised(), _restored())


def _enlarged() -> Sheet:
    settings = each(
        "small portrait",
        "upscale",
        {"scale": 1},
        {"scale": 2},
        {"scale": 3},
        {"scale": 4},
        {"scale": 2.5},
        {"scale": 4, "faceEnhance": True},
        {"scale": 4, "denoise": 50},
        {"scale": 4, "format": "webp", "quality": 40},
    )
    return Sheet("upscale", [Cell("small portrait"), *settings], columns=3, detail=(0.5, 0.35))


def _denoised() -> Sheet:
    settings = each(
        "noisy",
        "noise-removal",
        {"tier": "quick"},
        {"tier": "balanced"},
        {"tier": "quality"},
        {"tier": "maximum"},
        {"strength": 20},
        {"strength": 100},
        {"detailPreservation": 0},
        {"detailPreservation": 100},
        {"colorNoise": 0},
        {"format": "webp", "quality": 40},
    )
    return Sheet("noise-removal", [Cell("noisy"), *settings], columns=4, detail=(0.45, 0.3))


def _restored() -> Sheet:
    settings = each(
        "scratched",
        "restore-photo",
        {},
        {"mode": "light"},
        {"mode": "heavy"},
        {"denoise": False},
        {"scratchRemoval": False, "denoiseStrength": 80},
    )
    return Sheet("restore-photo", [Cell("scratched"), *settings], columns=3)
