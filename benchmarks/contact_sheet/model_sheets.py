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


def _mask(width: int, height: int, *shapes: Sequence[float], thick: int = 0) -> bytes:
    """White ellipses in boxes, or lines of a thickness, on black."""
    picture = Image.new("L", (width, height))
    draw = ImageDraw.Draw(picture)
    for shape in shapes:
        if thick:
            draw.line(tuple(shape), 255, thick)
        else:
            draw.ellipse(tuple(shape), 255)
    return written(picture, "PNG")


@source("mask of the spoon", "mask.png")
def _mask_of_spoon() -> bytes:
    return _mask(600, 400, (318, 232, 412, 332))


@source("mask of the rocket", "mask.png")
def _mask_of_rocket() -> bytes:
    return _mask(512, 512, (404, -10, 404, 284), thick=126)


@source("mask of the badge", "mask.png")
def _mask_of_badge() -> bytes:
    return _mask(512, 512, (130, 342, 214, 428))


@source("mask of scratches", "mask.png")
def _mask_of_scratches() -> bytes:
    return _mask(512, 512, (20, 0, 330, 511), (0, 300, 511, 90), (400, 0, 250, 511), thick=4)


def sheets() -> Sequence[Sheet]:
    """In the order in which the page shows them."""
    return (_cut_out(), _enlarged(), _erased())


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


def _erased() -> Sheet:
    masks = (
        ("photo", "mask of the spoon", "a spoon"),
        ("portrait", "mask of the rocket", "a rocket"),
        ("portrait", "mask of the badge", "a badge"),
        ("portrait", "mask of scratches", "scratches"),
    )
    cells = [Cell(picture, "erase-object", {}, said, beside=[("mask", mask)]) for picture, mask, said in masks]
    return Sheet("erase-object", [Cell("photo"), Cell("portrait"), *cells], columns=3)
