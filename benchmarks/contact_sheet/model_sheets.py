"""Sheets of the tools with models, and their pictures."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from benchmarks.contact_sheet.cells import Cell, Sheet, each
from benchmarks.contact_sheet.sources import SAMPLES, source, written

_SMALL = 180
"""Longest side of what is enlarged."""


@source("small portrait", "portrait.jpg", "small")
def _small_portrait() -> bytes:
    picture = Image.open(SAMPLES / "portrait.jpg").convert("RGB")
    picture.thumbnail((_SMALL, _SMALL), Image.Resampling.LANCZOS)
    return written(picture, "JPEG", quality=85)


def sheets() -> Sequence[Sheet]:
    """In the order in which the page shows them."""
    return (_cut_out(), _enlarged())


def _cut_out() -> Sheet:
    return Sheet("remove-background", [*each("portrait", "remove-background", {}), *each("photo", "remove-background", {})], columns=2)


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
