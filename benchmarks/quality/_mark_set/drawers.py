"""Draws marks with two libraries: Pillow (FreeType) and Skia.

Each draws text and shapes in a colour, with an outline and a shadow, on a transparent layer as large as the picture.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import font_amatic_sc
import font_caladea
import font_fredoka_one
import font_hanken_grotesk
import font_manrope
import font_roboto
import font_source_serif_pro
import numpy as np
import numpy.typing as npt
import reportlab
import skia
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.quality._npm_files import npm_file

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Size = tuple[int, int]
"""Height and width."""
Point = tuple[float, float]
"""Column and row."""

_FILES = {
    "Roboto": font_roboto.Roboto,
    "Vera Bold": str(Path(reportlab.__file__).parent / "fonts" / "VeraBd.ttf"),
    "Caladea": font_caladea.Caladea,
    "Hanken Grotesk": font_hanken_grotesk.HankenGroteskBold,
    "Fredoka One": font_fredoka_one.FredokaOne,
    "Source Serif": font_source_serif_pro.SourceSerifProSemibold,
    "Manrope": font_manrope.ManropeExtraBold,
    "Amatic": font_amatic_sc.AmaticSCBold,
}
_FONTSOURCE_VERSION = "5.2.5"
_FONTSOURCE = {
    "archivo-black-latin-400": "db6fece63168620bf8c5e6b02c80469e326b2fdc56b8faa4ca1520aaf896d7ca",
    "kalam-latin-700": "c1d3eec5a7b41b8717aabd3ee46cb6b37804ea32891fd9d08d1baf814a9e55e3",
    "libre-baskerville-latin-400": "90fd263b1b0e89fcb19e354e7b27b44b09dda335f7d231c69802ce6953437fe7",
    "poppins-latin-500": "8b2646b8fe35164c266cc6d4500ea984b404c0cb30f151f1ff5e9824d3ab62f8",
    "special-elite-latin-400": "1a5635ec33d95b9ce7574058ea2e846464cc14ae6fde34a2f6998297e1746654",
    "ubuntu-latin-700": "8d7256b6abd5aebcaf95396ba18142e4637843a036c9e1c8edf30a0caa656a47",
}
"""Fonts in packages @fontsource/…, under open licences, and the SHA-256 of each package."""
TUNED_FONTS = ("Roboto", "Vera Bold", "Caladea", "Hanken Grotesk")
SEEN_FONTS = ("Fredoka One", "Source Serif", "Manrope", "Amatic")
HELD_OUT_FONTS = tuple(_FONTSOURCE)


@cache
def _font_file(name: str) -> bytes:
    if name in _FILES:
        return Path(_FILES[name]).read_bytes()
    package = f"@fontsource/{name.partition('-latin')[0]}"
    return npm_file(package, _FONTSOURCE_VERSION, _FONTSOURCE[name], f"files/{name}-normal.woff")


def face(name: str, pixels: float) -> ImageFont.FreeTypeFont:
    """For Pillow."""
    return ImageFont.truetype(io.BytesIO(_font_file(name)), round(pixels))


@dataclass(frozen=True, slots=True)
class Style:
    """How a shape is painted. Widths and offsets in pixels; the shadow's opacity is a share."""

    fill: Colour
    outline: Colour | None = None
    outline_width: float = 0.0
    shadow: float = 0.0
    """How far it is thrown to the lower right; 0: none."""
    shadow_blur: float = 0.0
    shadow_opacity: float = 0.6
    relief: bool = False
    """A light edge above and a dark one below."""
    fill_below: Colour | None = None
    """The colour at the bottom, if the fill changes from top to bottom."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`outline`: polygons, each a list of points, filled by the even-odd rule; or a line of text around `centre`."""

    outline: Sequence[Sequence[Point]] = ()
    text: str = ""
    font: str = ""
    pixels: float = 0.0
    centre: Point = (0.0, 0.0)


class Drawer(Protocol):
    """Draws a shape on a transparent layer, turned counter-clockwise around `pivot`: [H, W, 4], not premultiplied."""

    def __call__(self, size: Size, shapes: Sequence[tuple[Shape, Style]], angle: float, pivot: Point) -> Pixels: ...


def text_width(text: str, font_name: str, pixels: float) -> float:
    """Of a line, in pixels."""
    return face(font_name, pixels).getlength(text)


def pillow(size: Size, shapes: Sequence[tuple[Shape, Style]], angle: float, pivot: Point) -> Pixels:
    """With Pillow: drawn level, then turned as a bitmap."""
    layer = Image.new("RGBA", size[::-1], (0, 0, 0, 0))
    for shape, style in shapes:
        if style.shadow:
            shadow = _pillow_cover(size, shape, (style.shadow, style.shadow), 0)
            if style.shadow_blur:
                shadow = shadow.filter(ImageFilter.GaussianBlur(style.shadow_blur))
            layer.alpha_composite(_inked(shadow.point(lambda level, part=style.shadow_opacity: round(level * part)), (0, 0, 0)))
        if style.relief:
            layer.alpha_composite(_inked(_pillow_cover(size, shape, (1.2, 1.2), 0), (20, 20, 20)))
            layer.alpha_composite(_inked(_pillow_cover(size, shape, (-1.2, -1.2), 0), (245, 245, 245)))
        if style.outline is not None:
            layer.alpha_composite(_inked(_pillow_cover(size, shape, (0, 0), style.outline_width), style.outline))
        layer.alpha_composite(_inked(_pillow_cover(size, shape, (0, 0), 0), style.fill, style.fill_below))
    return np.asarray(layer.rotate(angle, Image.Resampling.BICUBIC, center=pivot) if angle else layer)


def _inked(cover: Image.Image, ink: Colour, below: Colour | None = None) -> Image.Image:
    layer = Image.new("RGBA", cover.size, (*ink, 0))
    if below is not None:
        box = cover.getbbox() or (0, 0, 1, 1)
        share = np.clip((np.arange(cover.height) - box[1]) / max(1, box[3] - box[1]), 0, 1)[:, None, None]
        ramp = np.broadcast_to(np.array(ink) * (1 - share) + np.array(below) * share, (cover.height, cover.width, 3))
        layer = Image.fromarray(np.rint(ramp).astype(np.uint8)).convert("RGBA")
    layer.putalpha(cover)
    return layer


def _pillow_cover(size: Size, shape: Shape, offset: Point, thicker: float) -> Image.Image:
    if shape.text:
        cover = Image.new("L", size[::-1], 0)
        font, at = face(shape.font, shape.pixels), (shape.centre[0] + offset[0], shape.centre[1] + offset[1])
        ImageDraw.Draw(cover).text(at, shape.text, fill=255, font=font, anchor="mm", stroke_width=round(thicker))
        return cover
    large = np.zeros((3 * size[0], 3 * size[1]), bool)
    for polygon in shape.outline:
        part = Image.new("1", (3 * size[1], 3 * size[0]), 0)
        brush, points = ImageDraw.Draw(part), [(3 * (x + offset[0]), 3 * (y + offset[1])) for x, y in polygon]
        brush.polygon(points, fill=1)
        large ^= np.asarray(part)
    cover = Image.fromarray(large.astype(np.uint8) * 255)
    if thicker:
        cover = cover.filter(ImageFilter.MaxFilter(2 * round(3 * thicker) + 1))
    return cover.resize(size[::-1], Image.Resampling.BOX)


def skia_(size: Size, shapes: Sequence[tuple[Shape, Style]], angle: float, pivot: Point) -> Pixels:
    """With Skia: turned as outlines, each letter rasterised in place."""
    surface = skia.Surface(size[1], size[0])
    with surface as canvas:
        canvas.rotate(-angle, *pivot)
        for shape, style in shapes:
            draw = _skia_path(canvas, shape)
            if style.shadow:
                paint = skia.Paint(AntiAlias=True, Color=skia.ColorSetARGB(round(255 * style.shadow_opacity), 0, 0, 0))
                if style.shadow_blur:
                    paint.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, style.shadow_blur))
                draw(paint, (style.shadow, style.shadow))
            if style.relief:
                draw(_paint((20, 20, 20)), (1.2, 1.2))
                draw(_paint((245, 245, 245)), (-1.2, -1.2))
            if style.outline is not None:
                wide = _paint(style.outline)
                wide.setStyle(skia.Paint.kStrokeAndFill_Style)
                wide.setStrokeWidth(2 * style.outline_width)
                wide.setStrokeJoin(skia.Paint.kRound_Join)
                draw(wide, (0, 0))
            paint = _paint(style.fill)
            if style.fill_below is not None:
                half = shape.pixels / 2
                ends = [skia.Point(0, shape.centre[1] - half), skia.Point(0, shape.centre[1] + half)]
                paint.setShader(skia.GradientShader.MakeLinear(ends, [skia.Color(*style.fill), skia.Color(*style.fill_below)]))
            draw(paint, (0, 0))
    shot = np.asarray(surface.toarray(colorType=skia.kRGBA_8888_ColorType))
    return np.ascontiguousarray(shot)


def _paint(ink: Colour) -> skia.Paint:
    return skia.Paint(AntiAlias=True, Color=skia.Color(*ink))


def _skia_path(canvas: skia.Canvas, shape: Shape) -> Callable[[skia.Paint, Point], None]:
    if shape.text:
        font = skia.Font(skia.Typeface.MakeFromData(skia.Data(_font_file(shape.font))), shape.pixels)
        left, base = shape.centre[0] - font.measureText(shape.text) / 2, shape.centre[1] + 0.35 * shape.pixels
        return lambda paint, offset: canvas.drawString(shape.text, left + offset[0], base + offset[1], font, paint)
    path = skia.Path()
    for polygon in shape.outline:
        path.addPoly([skia.Point(*point) for point in polygon], True)
    path.setFillType(skia.PathFillType.kEvenOdd)

    def draw(paint: skia.Paint, offset: Point) -> None:
        canvas.save()
        canvas.translate(*offset)
        canvas.drawPath(path, paint)
        canvas.restore()

    return draw


def circle(centre: Point, radius: float) -> list[Point]:
    """As a polygon of sixty corners."""
    turns = [math.tau * step / 60 for step in range(60)]
    return [(centre[0] + radius * math.cos(turn), centre[1] + radius * math.sin(turn)) for turn in turns]


def star(centre: Point, radius: float, points: int, inner: float, turn: float = 0.0) -> list[Point]:
    """With so many points, the corners between them at a share `inner` of the radius."""
    corners = []
    for corner in range(2 * points):
        reach, angle = radius * (inner if corner % 2 else 1), turn + corner * math.pi / points
        corners.append((centre[0] + reach * math.sin(angle), centre[1] - reach * math.cos(angle)))
    return corners


def rectangle(centre: Point, width: float, height: float, turn: float = 0.0) -> list[Point]:
    """Turned by an angle in radians."""
    corners = [(-width / 2, -height / 2), (width / 2, -height / 2), (width / 2, height / 2), (-width / 2, height / 2)]
    cos, sin = math.cos(turn), math.sin(turn)
    return [(centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos) for x, y in corners]


def plate(centre: Point, width: float, height: float, radius: float) -> list[Point]:
    """A rectangle with round corners."""
    corners = []
    for step in range(40):
        turn = math.tau * step / 40
        x, y = math.cos(turn), math.sin(turn)
        corners.append(
            (
                centre[0] + math.copysign(width / 2 - radius, x) + radius * x,
                centre[1] + math.copysign(height / 2 - radius, y) + radius * y,
            )
        )
    return corners
