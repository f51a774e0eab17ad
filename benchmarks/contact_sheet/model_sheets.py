"""Sheets of the tools with models, and their pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageOps

from benchmarks.contact_sheet.cells import Cell, Sheet, each
from benchmarks.contact_sheet.sources import SAMPLES, source, written

_HEAD = 130, 30, 310, 210
"""Where the portrait shows the head."""
_PUPILS = (221, 214), (349, 220)
"""In three times that."""
_SMALL = 180
"""Longest side of what is enlarged."""


@source("small portrait", "portrait.jpg", "small")
def _small_portrait() -> bytes:
    picture = Image.open(SAMPLES / "portrait.jpg").convert("RGB")
    picture.thumbnail((_SMALL, _SMALL), Image.Resampling.LANCZOS)
    return written(picture, "JPEG", quality=85)


@source("group", "group.jpg")
def _group() -> bytes:
    """The portrait in several sizes, turned and mirrored."""
    portrait = Image.open(SAMPLES / "portrait.jpg").convert("RGB")
    group = Image.new("RGB", (900, 600), (120, 120, 120))
    for left, top, side, angle, mirrored in (
        (0, 0, 400, 0, False),
        (420, 0, 240, 0, True),
        (680, 0, 200, 25, False),
        (420, 260, 160, -30, True),
        (600, 230, 130, 0, False),
        (750, 230, 100, 0, True),
        (600, 400, 180, 60, False),
        (20, 420, 150, 0, True),
        (200, 420, 80, 0, False),
    ):
        head = ImageOps.mirror(portrait) if mirrored else portrait
        head = head.crop((90, 0, 390, 300)).rotate(angle, Image.Resampling.BICUBIC, fillcolor=(150, 140, 130))
        group.paste(head.resize((side, side), Image.Resampling.LANCZOS), (left, top))
    return written(group, "JPEG", quality=92)


@source("eyes", "eyes.png")
def _eyes() -> bytes:
    """A face, three times as large as in the portrait."""
    portrait = Image.open(SAMPLES / "portrait.jpg").convert("RGB").crop(_HEAD)
    return written(portrait.resize((portrait.width * 3, portrait.height * 3), Image.Resampling.BICUBIC), "PNG")


@source("red eyes", "red-eyes.png")
def _red_eyes_of_a_flash() -> bytes:
    """The same with red pupils that have a glint."""
    face = Image.open(io.BytesIO(_eyes()))
    draw = ImageDraw.Draw(face)
    for x, y in _PUPILS:
        draw.ellipse((x - 7, y - 7, x + 7, y + 7), fill=(205, 40, 45))
        draw.ellipse((x + 1, y - 4, x + 4, y - 1), fill=(255, 250, 250))
    return written(face, "PNG")


def sheets() -> Sequence[Sheet]:
    """In the order in which the page shows them."""
    return (_cut_out(), _blurred(), _red_eyes(), _enlarged())


def _cut_out() -> Sheet:
    return Sheet("remove-background", [*each("portrait", "remove-background", {}), *each("photo", "remove-background", {})], columns=2)


def _blurred() -> Sheet:
    cells = [Cell("portrait"), *each("portrait", "blur-faces", {}), Cell("group")]
    return Sheet("blur-faces", [*cells, *each("group", "blur-faces", {}, {"blurRadius": 1}, {"sensitivity": 0.9})], columns=3)


def _red_eyes() -> Sheet:
    cells = [Cell("red eyes"), *each("red eyes", "red-eye-removal", {}, {"strength": 100}, {"strength": 30}, {"sensitivity": 0})]
    return Sheet("red-eye-removal", [*cells, *each("eyes", "red-eye-removal", {"sensitivity": 100})], columns=3, detail=(0.5, 0.4))


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
