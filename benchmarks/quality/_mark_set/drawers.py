"""Watermarks drawn by real libraries: how much of each pixel they cover, as float32 height x width, 0 to 1.

Pillow (FreeType), libvips (Pango) and Skia each rasterise text and shapes in their own way. Nothing was tuned on Skia's, nor on the fonts
Caladea and Fredoka One.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import font_caladea
import font_fredoka_one
import font_roboto
import numpy as np
import numpy.typing as npt
import pyvips
import reportlab
import skia
from PIL import Image, ImageDraw, ImageFont

Cover = npt.NDArray[np.float32]
Size = tuple[int, int]
"""Height and width."""

FONTS = {
    "Roboto": font_roboto.Roboto,
    "Vera Bold": str(Path(reportlab.__file__).parent / "fonts" / "VeraBd.ttf"),
    "Caladea": font_caladea.Caladea,
    "Fredoka One": font_fredoka_one.FredokaOne,
}


def pillow_text(size: Size, text: str, font: str, pixels: int, centre: tuple[float, float], angle: float = 0.0) -> Cover:
    """A line of text, turned counter-clockwise by `angle` degrees around its `centre` (x, y)."""
    canvas = Image.new("L", size[::-1], 0)
    ImageDraw.Draw(canvas).text(centre, text, fill=255, font=ImageFont.truetype(FONTS[font], pixels), anchor="mm")
    return _of(canvas.rotate(angle, Image.Resampling.BICUBIC, center=centre) if angle else canvas)


def vips_text(size: Size, text: str, pixels: int, centre: tuple[float, float], angle: float = 0.0) -> Cover:
    """A line of text set by libvips, turned with its own affine transform."""
    drawn = pyvips.Image.text(text, font=f"sans bold {pixels}px", dpi=72)
    if angle:
        drawn = drawn.rotate(-angle)
    stamp = drawn.numpy().astype(np.float32).reshape(drawn.height, drawn.width)
    return _stamped(size, stamp / 255, centre)


def skia_text(size: Size, text: str, font: str, pixels: int, centre: tuple[float, float], angle: float = 0.0) -> Cover:
    """A line of text, turned as outlines, so that each letter is rasterised in place."""
    return _skia(size, lambda canvas: _skia_line(canvas, text, font, pixels, centre, angle))


def skia_tiles(size: Size, text: str, font: str, pixels: int, step: tuple[float, float], angle: float) -> Cover:
    """Text at every point of a grid with `step` (x, y) between, every other row half a step aside, all of it turned."""

    def draw(canvas: skia.Canvas) -> None:
        canvas.translate(size[1] / 2, size[0] / 2)
        canvas.rotate(-angle)
        reach = math.hypot(*size) / 2 + max(step)
        for row in range(-math.ceil(reach / step[1]), math.ceil(reach / step[1]) + 1):
            for column in range(-math.ceil(reach / step[0]), math.ceil(reach / step[0]) + 1):
                _skia_line(canvas, text, font, pixels, ((column + row % 2 / 2) * step[0], row * step[1]), 0)

    return _skia(size, draw)


def pillow_tiles(size: Size, text: str, font: str, pixels: int, step: tuple[int, int], angle: float, *, grid: bool) -> Cover:
    """The same with Pillow: with `grid`, drawn level on a large layer that is then turned as a bitmap; else each turned stamp is pasted at
    whole pixels on a level grid, as stock agencies do."""
    if grid:
        side = math.ceil(math.hypot(*size)) + 2 * max(step)
        large = Image.new("L", (side, side), 0)
        draw, face = ImageDraw.Draw(large), ImageFont.truetype(FONTS[font], pixels)
        for row, y in enumerate(range(0, side, step[1])):
            for x in range(-(row % 2) * step[0] // 2, side, step[0]):
                draw.text((x, y), text, fill=255, font=face)
        left, top = (side - size[1]) // 2, (side - size[0]) // 2
        return _of(large.rotate(angle, Image.Resampling.BICUBIC).crop((left, top, left + size[1], top + size[0])))
    side = 2 * (max(step) // 2) + 60
    stamp = pillow_text((side, side), text, font, pixels, (side / 2, side / 2), angle)
    cover = np.zeros(size, np.float32)
    for row, y in enumerate(range(0, size[0] + step[1], step[1])):
        for x in range(-(row % 2) * step[0] // 2, size[1] + step[0], step[0]):
            cover = np.maximum(cover, _stamped(size, stamp, (x, y)))
    return cover


def pillow_emblem(size: Size, diameter: int, centre: tuple[float, float]) -> Cover:
    """A logo without text: a ring with a triangle in it, drawn four times as large and reduced."""
    large = Image.new("L", (4 * diameter, 4 * diameter), 0)
    draw, side = ImageDraw.Draw(large), 4 * diameter - 1
    draw.ellipse((0, 0, side, side), outline=255, width=round(0.09 * side))
    draw.polygon([(0.38 * side, 0.28 * side), (0.38 * side, 0.72 * side), (0.75 * side, 0.5 * side)], fill=255)
    return _stamped(size, _of(large.resize((diameter, diameter), Image.Resampling.BOX)), centre)


def pillow_plate(size: Size, sides: tuple[int, int], centre: tuple[float, float]) -> Cover:
    """A filled rectangle with round corners, width and height in pixels."""
    large = Image.new("L", (4 * sides[0], 4 * sides[1]), 0)
    ImageDraw.Draw(large).rounded_rectangle((0, 0, large.width - 1, large.height - 1), radius=24, fill=255)
    return _stamped(size, _of(large.resize(sides, Image.Resampling.BOX)), centre)


def skia_emblem(size: Size, diameter: int, centre: tuple[float, float]) -> Cover:
    """Another logo: a five-pointed star over two bars."""

    def draw(canvas: skia.Canvas) -> None:
        canvas.translate(*centre)
        star = skia.Path()
        for point in range(10):
            radius = diameter * (0.36 if point % 2 == 0 else 0.15)
            x, y = radius * math.sin(point * math.pi / 5), -radius * math.cos(point * math.pi / 5) - 0.1 * diameter
            star.moveTo(x, y) if point == 0 else star.lineTo(x, y)
        star.close()
        canvas.drawPath(star, _paint())
        for offset in (0.28, 0.4):
            bar = skia.Rect.MakeXYWH(-0.4 * diameter, offset * diameter, 0.8 * diameter, 0.07 * diameter)
            canvas.drawRoundRect(bar, 2, 2, _paint())

    return _skia(size, draw)


def _of(image: Image.Image) -> Cover:
    return np.asarray(image, np.float32) / np.float32(255)


def _stamped(size: Size, stamp: Cover, centre: tuple[float, float]) -> Cover:
    """The stamp at whole pixels, clipped to the picture."""
    cover = np.zeros(size, np.float32)
    left, top = round(centre[0] - stamp.shape[1] / 2), round(centre[1] - stamp.shape[0] / 2)
    rows, columns = slice(max(0, top), max(0, top + stamp.shape[0])), slice(max(0, left), max(0, left + stamp.shape[1]))
    target = cover[rows, columns]
    target[:] = stamp[rows.start - top :, columns.start - left :][: target.shape[0], : target.shape[1]]
    return cover


def _skia(size: Size, draw: Callable[[skia.Canvas], None]) -> Cover:
    surface = skia.Surface(size[1], size[0])
    with surface as canvas:
        draw(canvas)
    return np.asarray(surface.toarray()[..., 3], np.float32) / np.float32(255)


def _skia_line(canvas: skia.Canvas, text: str, font: str, pixels: int, centre: tuple[float, float], angle: float) -> None:
    face = skia.Font(skia.Typeface.MakeFromFile(FONTS[font]), pixels)
    canvas.save()
    canvas.translate(*centre)
    canvas.rotate(-angle)
    canvas.drawString(text, -face.measureText(text) / 2, 0.35 * pixels, face, _paint())
    canvas.restore()


def _paint() -> skia.Paint:
    return skia.Paint(AntiAlias=True, Color=skia.ColorWHITE)
