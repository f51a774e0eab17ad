"""Draws marks with two libraries: Pillow (FreeType) for what may be tuned on, Skia for what is held out.

Each draws text and shapes in a colour, with an outline and a shadow, on a transparent layer as large as the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
Size = tuple[int, int]
"""Height and width."""
Point = tuple[float, float]
"""Column and row."""

FONTS = {
    "Roboto": font_roboto.Roboto,
    "Vera Bold": str(Path(reportlab.__file__).parent / "fonts" / "VeraBd.ttf"),
    "Caladea": font_caladea.Caladea,
    "Hanken Grotesk": font_hanken_grotesk.HankenGroteskBold,
    "Fredoka One": font_fredoka_one.FredokaOne,
    "Source Serif": font_source_serif_pro.SourceSerifProSemibold,
    "Manrope": font_manrope.ManropeExtraBold,
    "Amatic": font_amatic_sc.AmaticSCBold,
}
TUNED_FONTS = ("Roboto", "Vera Bold", "Caladea", "Hanken Grotesk")
HELD_OUT_FONTS = ("Fredoka One", "Source Serif", "Manrope", "Amatic")


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


def text_width(text: str, font: str, pixels: float) -> float:
    """Of a line, in pixels."""
    return ImageFont.truetype(FONTS[font], round(pixels)).getlength(text)


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
        font, at = ImageFont.truetype(FONTS[shape.font], round(shape.pixels)), (shape.centre[0] + offset[0], shape.centre[1] + offset[1])
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
        face = skia.Font(skia.Typeface.MakeFromFile(FONTS[shape.font]), shape.pixels)
        left, base = shape.centre[0] - face.measureText(shape.text) / 2, shape.centre[1] + 0.35 * shape.pixels
        return lambda paint, offset: canvas.drawString(shape.text, left + offset[0], base + offset[1], face, paint)
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
