"""Thumbnails with labels, laid out on a sheet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pillow_heif
import pyvips
from PIL import Image, ImageCms, ImageDraw, ImageFont, ImageOps

from benchmarks.contact_sheet.sources import FONT

_WIDTH, _HEIGHT, _TEXT = 216, 162, 48
"""Of a cell: the picture's box, and the room for the text below."""
_LINES = 2
_GAP = 10
_GROUND, _INK, _FAINT = (196, 196, 196), (0, 0, 0), (70, 70, 70)
_SQUARE = 8
_SRGB = ImageCms.createProfile("sRGB")

pillow_heif.register_heif_opener()


@dataclass(frozen=True, slots=True)
class DisplayedFile:
    """A file as it is shown."""

    picture: Image.Image
    """Red, green, blue and alpha."""
    label: str
    """What the file is."""


def display_file(content: bytes) -> DisplayedFile:
    """A file as a browser shows it: upright, and in sRGB."""
    if content.lstrip().startswith((b"<?xml", b"<svg")):
        drawn = pyvips.Image.svgload_buffer(content)
        shown = Image.open(io.BytesIO(drawn.pngsave_buffer())).convert("RGBA")
        return DisplayedFile(shown, f"{drawn.width} × {drawn.height} SVG {len(content) / 1000:.1f} kB")
    with Image.open(io.BytesIO(content)) as opened:
        format_, profile = opened.format or "?", opened.info.get("icc_profile")
        picture = ImageOps.exif_transpose(opened)
    said = f"{picture.width} × {picture.height} {format_} {len(content) / 1000:.1f} kB"
    if picture.mode.startswith("I"):
        picture = Image.fromarray((np.asarray(picture) / 257).round().astype(np.uint8))
    if profile and picture.mode in ("RGB", "CMYK", "L"):
        target = "L" if picture.mode == "L" else "RGB"
        if target == "RGB":
            found = ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), _SRGB, outputMode=target)
            picture = found or picture
    return DisplayedFile(picture.convert("RGBA"), said)


def sheet(cells: Sequence[tuple[str, DisplayedFile | str]], columns: int, detail: tuple[float, float] | None) -> Image.Image:
    """Cells in rows, each a label and what was seen, or why there is nothing to see."""
    rows = -(-len(cells) // columns)
    size = (columns * (_WIDTH + _GAP) + _GAP, rows * (_HEIGHT + _TEXT + _GAP) + _GAP)
    ground = Image.new("RGB", size, _GROUND)
    draw = ImageDraw.Draw(ground)
    large, small = ImageFont.truetype(FONT, 12), ImageFont.truetype(FONT, 10)
    for number, (label, found) in enumerate(cells):
        left, top = _GAP + number % columns * (_WIDTH + _GAP), _GAP + number // columns * (_HEIGHT + _TEXT + _GAP)
        if isinstance(found, str):
            draw.multiline_text((left, top), _broken(found, small), (160, 0, 0), small)
        else:
            picture = _fitted(found.picture, detail)
            where = (left + (_WIDTH - picture.width) // 2, top + (_HEIGHT - picture.height) // 2)
            ground.paste(checked_ground(picture.size), where)
            ground.paste(picture, where, picture)
        draw.multiline_text((left, top + _HEIGHT + 3), _broken(label, large, _LINES), _INK, large, spacing=1)
        draw.text((left, top + _HEIGHT + 35), "" if isinstance(found, str) else found.label, _FAINT, small)
    return ground


def _fitted(picture: Image.Image, detail: tuple[float, float] | None) -> Image.Image:
    if detail is None or picture.width < _WIDTH or picture.height < _HEIGHT:
        fitted = picture.copy()
        # Alpha is multiplied in first, so that hidden colours stay hidden.
        fitted = fitted.convert("RGBa")
        fitted.thumbnail((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS)
        return fitted.convert("RGBA")
    left = min(max(round(picture.width * detail[0]) - _WIDTH // 2, 0), picture.width - _WIDTH)
    top = min(max(round(picture.height * detail[1]) - _HEIGHT // 2, 0), picture.height - _HEIGHT)
    return picture.crop((left, top, left + _WIDTH, top + _HEIGHT))


def checked_ground(size: tuple[int, int]) -> Image.Image:
    """What shows through where a picture is transparent."""
    rows, columns = np.mgrid[: size[1], : size[0]] // _SQUARE
    return Image.fromarray(np.where((rows + columns) % 2, 255, 220).astype(np.uint8)).convert("RGB")


def _broken(text: str, font: ImageFont.FreeTypeFont, most: int = 0) -> str:
    """A text in lines as wide as a cell, and no more of them than `most`."""
    lines, line = [], ""
    for word in text.split():
        if line and font.getlength(f"{line} {word}") > _WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line][: most or None])
