"""Sheets of the tools with models, and their pictures."""

from __future__ import annotations

from collections.abc import Sequence

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


def sheets() -> Sequence[Sheet]:
    """In the order in which the page shows them."""
    return (_cut_out(), _enlarged(), _erased())


def _erased() -> Sheet:
    cells = [
        each
        for picture, mask in (("photo", "mask of the spoon"), ("photo", "mask of the saucer's edge"), ("portrait", "mask of the badge"))
        for each in (
            Cell(picture, "border", {"borderWidth": 0}, f"{picture}; {mask}"),
            Cell(picture, "erase-object", {}, "erased, without a network", beside=[("mask", mask)]),
        )
    ]
    return Sheet("erase-object", cells, columns=2)


def _ellipse(size: tuple[int, int], box: tuple[int, int, int, int]) -> bytes:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return written(mask, "PNG")


@source("mask of the spoon", "mask.png")
def _spoon() -> bytes:
    return _ellipse((600, 400), (315, 235, 425, 345))


@source("mask of the saucer's edge", "mask.png")
def _saucer() -> bytes:
    return _ellipse((600, 400), (60, 170, 130, 260))


@source("mask of the badge", "mask.png")
def _badge() -> bytes:
    return _ellipse((512, 512), (120, 320, 215, 415))


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
