"""Photographs with watermarks of known colour and opacity: 229 to develop with, and 100 held out that a seed makes of other material."""

from __future__ import annotations

import io
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.quality._mark_set.drawers import Colour, Pixels, Point, Shape, Size, Style, circle, plate, rectangle, star, text_width
from benchmarks.quality._mark_set.material import SEEN, TUNED, Material, held_out
from benchmarks.quality._mark_set.photographs import some

Shapes = list[tuple[Shape, Style]]
Draw = Callable[["Hand", Size], tuple[Shapes, float, Point]]

WHITE, BLACK, RED, BLUE, ORANGE, GREEN = (255, 255, 255), (0, 0, 0), (205, 30, 35), (25, 70, 190), (255, 140, 0), (20, 140, 70)
_SEEN = 0.02
_LEAST_CHANGE = 6.0
"""Levels by which a mark changes its pixels on average, at least: nobody sees less on most photographs, nor asks for its removal."""
_OPACITIES = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0)
_QUALITIES = (None, 96, 92, 90, 85, 80, 75)
_MARGINS = (0.02, 0.05, 0.15, 0.4)
"""How far a person's box goes beyond the mark on each side, as a share of the mark's longer side."""


@dataclass(frozen=True, slots=True, eq=False)
class MarkedPhotograph:
    """A photograph with a mark and its truth: `clean` [H, W, 3], `opacity` [H, W] of the mark in each pixel, and its `box` as a person
    draws it: left, top, right, bottom, in pixels."""

    kind: str
    name: str
    part: str
    strength: float
    quality: int | None
    """JPEG quality, after the mark was drawn; None: lossless."""
    clean: Pixels
    picture: Pixels
    opacity: npt.NDArray[np.float32]
    colour: npt.NDArray[np.uint8]
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Hand:
    """Draws by chance, from some material."""

    rng: random.Random
    material: Material

    def words(self) -> str:
        return self.rng.choice(self.material.words)

    def font(self) -> str:
        return self.rng.choice(self.material.fonts)

    def ink(self) -> Colour:
        return self.rng.choice((WHITE, WHITE, WHITE, BLACK, RED, BLUE, ORANGE, GREEN))

    def line(self, text: str, centre: Point, width: float, tallest: float) -> Shape:
        """A line of text of a given width, but not taller than `tallest`."""
        font = self.font()
        pixels = min(tallest, 100 * width / text_width(text, font, 100))
        return Shape(text=text, font=font, pixels=max(11, pixels), centre=centre)

    def middle(self, size: Size, spread: float = 0.15) -> Point:
        x, y = (0.5 + self.rng.uniform(-spread, spread) for _ in range(2))
        return x * size[1], y * size[0]

    def corner(self, size: Size, width: float, height: float) -> Point:
        """The centre of something of this size near a corner."""
        margin = 0.03 * max(size)
        x, y = margin + width / 2, margin + height / 2
        return self.rng.choice((x, size[1] - x)), self.rng.choice((y, size[0] - y, size[0] - y))


def _corner_text(hand: Hand, size: Size) -> tuple[Shapes, float, Point]:
    text, width = hand.words(), size[1] * hand.rng.uniform(0.18, 0.4)
    shape = hand.line(text, (0, 0), width, 0.06 * size[0])
    width = text_width(text, shape.font, shape.pixels)
    centre = hand.corner(size, width, shape.pixels)
    return [(Shape(text=text, font=shape.font, pixels=shape.pixels, centre=centre), Style(hand.ink()))], 0.0, centre


def _slanted(hand: Hand) -> float:
    return hand.rng.choice((-1, 1)) * hand.rng.uniform(15, 50)


def _text(style: Callable[[Hand, float], Style], *, slanted: bool) -> Draw:
    def draw(hand: Hand, size: Size) -> tuple[Shapes, float, Point]:
        centre = hand.middle(size)
        shape = hand.line(hand.words(), centre, hand.rng.uniform(0.4, 0.85) * min(size), 0.22 * min(size))
        return [(shape, style(hand, shape.pixels))], _slanted(hand) if slanted else 0.0, centre

    return draw


def _plain(hand: Hand, pixels: float) -> Style:
    return Style(hand.ink())


def _coloured(hand: Hand, pixels: float) -> Style:
    return Style(hand.rng.choice((RED, BLUE, ORANGE, GREEN)))


def _outlined(hand: Hand, pixels: float) -> Style:
    fill, edge = hand.rng.choice(((WHITE, BLACK), (BLACK, WHITE), (RED, WHITE), (ORANGE, BLACK)))
    return Style(fill, outline=edge, outline_width=max(1.0, pixels * 0.04))


def _shadowed(hand: Hand, pixels: float) -> Style:
    return Style(hand.rng.choice((WHITE, WHITE, ORANGE)), shadow=max(1.5, 0.05 * pixels), shadow_blur=hand.rng.choice((0.0, 0.04 * pixels)))


def _embossed(hand: Hand, pixels: float) -> Style:
    return Style((128, 128, 128), relief=True)


def _graded(hand: Hand, pixels: float) -> Style:
    return Style(WHITE, fill_below=hand.rng.choice((BLUE, ORANGE, (90, 90, 90))))


def _date(hand: Hand, size: Size) -> tuple[Shapes, float, Point]:
    text = hand.rng.choice(hand.material.dates)
    shape = hand.line(text, (0, 0), 0.25 * size[1], 0.05 * size[0])
    width = text_width(text, shape.font, shape.pixels)
    at = (size[1] - 0.04 * size[1] - width / 2, size[0] * 0.94)
    paint = hand.rng.choice((ORANGE, (255, 190, 40), WHITE))
    return [(Shape(text=text, font=shape.font, pixels=shape.pixels, centre=at), Style(paint))], 0.0, at


def _emblem(hand: Hand, centre: Point, side: float) -> Shape:
    """A ring with a triangle, a shield, a slash, a star over bars, a cross in a disc, or rings."""
    which, half = hand.rng.choice(hand.material.emblems), side / 2
    if which == "triangle":
        return Shape([circle(centre, half), circle(centre, 0.82 * half), star(centre, 0.6 * half, 3, 0.5)])
    if which == "shield":
        x, y = centre
        shield = [
            (x - half, y - half),
            (x + half, y - half),
            (x + 0.9 * half, y + 0.3 * half),
            (x, y + half),
            (x - 0.9 * half, y + 0.3 * half),
        ]
        return Shape([shield, circle(centre, 0.45 * half)])
    if which == "slash":
        return Shape([plate(centre, side, side, 0.2 * side), rectangle(centre, 1.1 * side, 0.18 * side, -0.8)])
    if which == "star":
        bars = [rectangle((centre[0], centre[1] + shift * side), side, 0.09 * side) for shift in (0.34, 0.48)]
        return Shape([star((centre[0], centre[1] - 0.14 * side), 0.42 * side, 5, 0.42), *bars])
    if which == "cross":
        return Shape(
            [
                circle(centre, half),
                rectangle(centre, 1.2 * half, 0.3 * half),
                rectangle((centre[0], centre[1] + 0.37 * half), 0.3 * half, 0.44 * half),
            ]
        )
    return Shape([circle(centre, half), circle(centre, 0.8 * half), circle(centre, 0.6 * half), circle(centre, 0.4 * half)])


def _logo(hand: Hand, size: Size) -> tuple[Shapes, float, Point]:
    side = hand.rng.uniform(0.1, 0.2) * min(size)
    centre = hand.corner(size, side, side) if hand.rng.random() < 0.7 else hand.middle(size)
    return [(_emblem(hand, centre, side), Style(hand.ink()))], 0.0, centre


def _logo_with_name(hand: Hand, size: Size) -> tuple[Shapes, float, Point]:
    side, text = hand.rng.uniform(0.08, 0.14) * min(size), hand.words()
    name = hand.line(text, (0, 0), 0.3 * size[1], 0.6 * side)
    width = text_width(text, name.font, name.pixels)
    whole = 1.2 * side + width
    centre = hand.corner(size, whole, side) if hand.rng.random() < 0.6 else hand.middle(size, 0.05)
    left, ink = centre[0] - whole / 2, hand.ink()
    beside = Shape(text=text, font=name.font, pixels=name.pixels, centre=(left + 1.2 * side + width / 2, centre[1]))
    return [(_emblem(hand, (left + side / 2, centre[1]), side), Style(ink)), (beside, Style(ink))], 0.0, centre


def _two_colours(hand: Hand, size: Size) -> tuple[Shapes, float, Point]:
    side = hand.rng.uniform(0.12, 0.25) * min(size)
    centre = hand.corner(size, side, side)
    first, second = hand.rng.choice(((RED, WHITE), (BLUE, ORANGE), (GREEN, WHITE)))
    letter = Shape(text=hand.rng.choice("AKMR"), font=hand.font(), pixels=0.7 * side, centre=centre)
    return [(Shape([circle(centre, side / 2)]), Style(first)), (letter, Style(second))], 0.0, centre


def _tiles(hand: Hand, size: Size) -> tuple[Shapes, float, Point]:
    text, font, ink = hand.words(), hand.font(), hand.ink()
    pixels = hand.rng.uniform(0.035, 0.07) * min(size)
    width = text_width(text, font, pixels)
    step = (width * hand.rng.uniform(1.15, 1.9), pixels * hand.rng.uniform(2, 5))
    shift, reach = hand.rng.choice((0.0, 0.5)), (size[0] ** 2 + size[1] ** 2) ** 0.5 / 2
    shapes: Shapes = []
    for row, column in itertools.product(
        range(-int(reach / step[1]) - 1, int(reach / step[1]) + 2), range(-int(reach / step[0]) - 1, int(reach / step[0]) + 2)
    ):
        at = (size[1] / 2 + (column + row % 2 * shift) * step[0], size[0] / 2 + row * step[1])
        shapes.append((Shape(text=text, font=font, pixels=pixels, centre=at), Style(ink)))
    return shapes, hand.rng.choice((0.0, _slanted(hand), _slanted(hand))), (size[1] / 2, size[0] / 2)


def _band(hand: Hand, size: Size) -> tuple[Shapes, float, Point]:
    at, text = (size[1] / 2, size[0] * hand.rng.choice((0.5, 0.9, 0.8))), hand.words()
    shape = hand.line(text, at, 0.5 * size[1], 0.09 * size[0])
    back, ink = hand.rng.choice(((BLACK, WHITE), (WHITE, BLACK), (BLUE, WHITE)))
    strip = Shape([rectangle(at, 3 * size[1], 1.7 * shape.pixels)])
    return [(strip, Style(back)), (shape, Style(ink))], 0.0, at


def _plate(hand: Hand, size: Size) -> tuple[Shapes, float, Point]:
    width, height = hand.rng.uniform(0.15, 0.3) * size[1], hand.rng.uniform(0.07, 0.13) * size[0]
    centre = hand.corner(size, width, height)
    back, ink = hand.rng.choice(((RED, WHITE), (ORANGE, BLACK), (BLACK, WHITE)))
    letters = hand.line(hand.words(), centre, 0.85 * width, 0.7 * height)
    return [(Shape([plate(centre, width, height, 0.2 * height)]), Style(back)), (letters, Style(ink))], 0.0, centre


def _crossed(hand: Hand, size: Size) -> tuple[Shapes, float, Point]:
    """Two lines from corner to corner, and text where they meet."""
    middle, long = (size[1] / 2, size[0] / 2), (size[0] ** 2 + size[1] ** 2) ** 0.5
    turn, ink = np.arctan2(size[0], size[1]), hand.ink()
    lines = Shape([rectangle(middle, long, 0.006 * long, turn), rectangle(middle, long, 0.006 * long, -turn)])
    return [(lines, Style(ink)), (hand.line(hand.words(), middle, 0.4 * size[1], 0.12 * size[0]), Style(ink))], 0.0, middle


def _thrice(hand: Hand, size: Size) -> tuple[Shapes, float, Point]:
    """The same words in three places, one below the other."""
    shape, ink = hand.line(hand.words(), (0, 0), 0.4 * size[1], 0.1 * size[0]), hand.ink()
    places = [(size[1] * (0.5 + hand.rng.uniform(-0.2, 0.2)), size[0] * share) for share in (0.2, 0.5, 0.8)]
    return [(replace(shape, centre=place), Style(ink)) for place in places], 0.0, hand.middle(size, 0.0)


KINDS: dict[str, tuple[Draw, int]] = {
    "text in a corner": (_corner_text, 14),
    "text across": (_text(_plain, slanted=False), 10),
    "slanted text": (_text(_plain, slanted=True), 14),
    "coloured text": (_text(_coloured, slanted=True), 8),
    "outlined text": (_text(_outlined, slanted=False), 7),
    "text with a shadow": (_text(_shadowed, slanted=True), 7),
    "date": (_date, 5),
    "logo": (_logo, 8),
    "logo with a name": (_logo_with_name, 8),
    "tiles": (_tiles, 9),
    "band": (_band, 5),
    "plate": (_plate, 5),
}
"""How each kind is drawn, and how many of each are tuned on; fewer are seen and held out."""
MORE_KINDS: dict[str, tuple[Draw, int]] = {
    "text in relief": (_text(_embossed, slanted=False), 5),
    "text of changing colour": (_text(_graded, slanted=True), 4),
    "logo of two colours": (_two_colours, 7),
    "crossed lines": (_crossed, 5),
    "text three times": (_thrice, 4),
}
"""As many of each in every part."""


def marked_photographs(seed: int | None) -> Iterator[MarkedPhotograph]:
    """The 229 to develop with, those used for tuning first; or with a seed, 100 held out."""
    turn = itertools.count()
    for material, share in ((TUNED, 1.0), (SEEN, 0.8)) if seed is None else ((held_out(seed), 0.75),):
        for kind, (draw, count) in (KINDS | MORE_KINDS).items():
            for number in range(round(share * count) if kind in KINDS else count):
                yield _case(kind, draw, number, next(turn), material)


def _case(kind: str, draw: Draw, number: int, turn: int, material: Material) -> MarkedPhotograph:
    rng = random.Random(f"{kind} {number} {material.seed}")
    name, clean = some(rng, material.photographs, turn)
    strength = rng.choice(_OPACITIES[4:]) if kind in ("plate", "date") else rng.choice(_OPACITIES)
    drawer = material.drawers[0] if len(material.drawers) == 1 else rng.choice(material.drawers)
    for _ in range(50):
        shapes, angle, pivot = draw(Hand(rng, material), clean.shape[:2])
        layer = drawer(clean.shape[:2], shapes, angle, pivot)
        opacity = layer[..., 3].astype(np.float32) / np.float32(255) * np.float32(strength)
        seen = np.rint(clean * (1 - opacity[..., None]) + layer[..., :3] * opacity[..., None]).clip(0, 255).astype(np.uint8)
        if np.abs(seen.astype(np.int16) - clean)[opacity > _SEEN].mean() >= _LEAST_CHANGE:
            break
    quality = rng.choice(_QUALITIES)
    picture = seen if quality is None else jpeg(seen, quality)
    return MarkedPhotograph(kind, name, material.part, strength, quality, clean, picture, opacity, layer[..., :3], _box(rng, opacity))


def _box(rng: random.Random, opacity: npt.NDArray[np.float32]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(opacity.max(axis=1) > _SEEN)[0], np.nonzero(opacity.max(axis=0) > _SEEN)[0]
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    margin = round(rng.choice(_MARGINS) * max(bottom - top, right - left)) + 2
    return max(0, left - margin), max(0, top - margin), min(opacity.shape[1], right + margin), min(opacity.shape[0], bottom + margin)


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    """The picture after JPEG compression."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file) as opened:
        return np.asarray(opened.convert("RGB"))
