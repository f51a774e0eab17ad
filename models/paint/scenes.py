"""Parts of photographs with marks of every kind, and the paint of each pixel: its opacity and its colour.

Marks are lines of text at any angle, several lines, tiles, emblems, logos with a name, two colours, outlines, shadows, relief, changing
colour, bands, plates, and crossed lines. Others have no mark, or only text that belongs to the scene.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from models.strokes.drawing import Hand, compressed

Pixels8 = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Layer = tuple[Plane, Plane]  # cover [H, W], colour [3] or [H, W, 3]

SIZE = 256
_STRENGTHS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0)
_LEAST_CHANGE = 5.0  # levels: by which a mark changes its pixels on average
_UNMARKED, _SCENE = 0.1, 0.12  # shares: without any mark, with text of the scene


class Scenes:
    """Draws one scene after another, by a seed."""

    def __init__(self, photographs: Sequence[Pixels8], fonts: Sequence[bytes], seed: int, least: float = 0.0) -> None:
        self._strengths = [strength for strength in _STRENGTHS if strength >= least]
        self._rng, self._noise = random.Random(seed), np.random.default_rng(seed)
        self._fonts = fonts
        self._hand = Hand(photographs, fonts, seed + 1)

    def scenes(self) -> Iterator[tuple[Pixels8, Pixels8]]:
        """One after another, without end: see `scene`."""
        while True:
            yield self.scene()

    def scene(self) -> tuple[Pixels8, Pixels8]:
        """A picture, uint8 [256, 256, 3], and its paint, uint8 [256, 256, 4]: red, green, blue times opacity, opacity."""
        rng = self._rng
        side = round(SIZE * math.exp(rng.uniform(math.log(0.75), math.log(2.6))))
        for _ in range(20):
            ground = self._hand.ground(side, side)
            if rng.random() < _SCENE:
                ground = self._scene_text(ground)
            paint = np.zeros((side, side, 4), np.float32)
            if rng.random() < _UNMARKED:
                return self._seen(ground, paint)
            strength = rng.choice(self._strengths)
            for cover, colour in self._mark(side):
                part = (np.float32(strength) * cover)[..., np.newaxis]
                paint[..., :3] = paint[..., :3] * (1 - part) + np.asarray(colour, np.float32) / 255 * part
                paint[..., 3:] = paint[..., 3:] * (1 - part) + part
            picture = np.rint(ground * (1 - paint[..., 3:]) + 255 * paint[..., :3]).clip(0, 255).astype(np.uint8)
            painted = paint[..., 3] > 0.02
            if painted.any() and np.abs(picture.astype(np.float32) - ground)[painted].mean() >= _LEAST_CHANGE:
                return self._seen(picture, paint)
        return self._seen(ground, np.zeros((side, side, 4), np.float32))

    def _mark(self, side: int) -> list[Layer]:
        kinds: list[tuple[float, Callable[[int], list[Layer]]]] = [
            (0.42, self._text),
            (0.12, self._tiles),
            (0.16, self._emblem),
            (0.08, self._banded),
            (0.08, self._plate),
            (0.06, self._crossed),
            (0.08, self._two),
        ]
        draw = self._rng.choices([kind for _, kind in kinds], [share for share, _ in kinds])[0]
        return draw(side)

    def _size(self, side: int, low: float = 0.035, high: float = 0.4) -> float:
        return side * math.exp(self._rng.uniform(math.log(low), math.log(high)))

    def _font(self, size: float) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(io.BytesIO(self._rng.choice(self._fonts)), max(8, round(size)))

    def _colour(self) -> Plane:
        return np.array(self._hand.colour(), np.float32)

    def _angle(self) -> float:
        rng = self._rng
        return 0.0 if rng.random() < 0.45 else rng.choice((-1, 1)) * rng.uniform(5, 60) if rng.random() < 0.9 else rng.uniform(-90, 90)

    def _text(self, side: int) -> list[Layer]:
        """One to three lines of text in one of several styles."""
        rng = self._rng
        size = self._size(side)
        font = self._font(size * rng.uniform(1.0, 1.35))
        lines = [self._hand.words() for _ in range(rng.choice((1, 1, 1, 1, 2, 3)))]
        centre = (side * rng.uniform(0.15, 0.85), side * rng.uniform(0.15, 0.85))
        return self._styled(side, size, self._writer(side, font, lines, centre, self._angle()))

    def _writer(
        self, side: int, font: ImageFont.FreeTypeFont, lines: Sequence[str], centre: tuple[float, float], angle: float
    ) -> Callable[[tuple[float, float], int], Plane]:
        gap = font.size * self._rng.uniform(1.05, 1.6)

        def draw(offset: tuple[float, float], wider: int) -> Plane:
            plane = Image.new("L", (side, side), 0)
            brush = ImageDraw.Draw(plane)
            for number, text in enumerate(lines):
                at = (centre[0] + offset[0], centre[1] + offset[1] + (number - (len(lines) - 1) / 2) * gap)
                brush.text(at, text, fill=255, font=font, anchor="mm", stroke_width=wider)
            return _turned(np.asarray(plane, np.float32) / np.float32(255), centre, angle)

        return draw

    def _styled(self, side: int, size: float, draw: Callable[[tuple[float, float], int], Plane]) -> list[Layer]:
        rng = self._rng
        plain, kind = draw((0, 0), 0), rng.random()
        thick = max(1, round(size * rng.uniform(0.02, 0.07)))
        if kind < 0.13:
            wide = draw((0, 0), thick)
            if rng.random() < 0.25:
                return [(np.asarray((wide - plain).clip(0, 1), np.float32), self._colour())]
            return [(wide, self._colour()), (plain, self._colour())]
        if kind < 0.26:
            away = size * rng.uniform(0.03, 0.1)
            shadow = draw((away, away), 0)
            if rng.random() < 0.6:
                shadow = np.asarray(cv2.GaussianBlur(shadow, (0, 0), max(0.6, away * rng.uniform(0.3, 0.9))), np.float32)
            return [(shadow * np.float32(rng.uniform(0.4, 0.9)), np.zeros(3, np.float32)), (plain, self._colour())]
        if kind < 0.35:  # in relief: light above to the left, dark below to the right
            away = max(1.0, size * rng.uniform(0.02, 0.05))
            light, dark = draw((-away, -away), 0), draw((away, away), 0)
            layers: list[Layer] = [(np.asarray((light - plain).clip(0, 1), np.float32), np.full(3, 255, np.float32))]
            layers.append((np.asarray((dark - plain).clip(0, 1), np.float32), np.zeros(3, np.float32)))
            if rng.random() < 0.7:
                layers.append((plain * np.float32(rng.uniform(0.2, 1)), np.full(3, rng.choice((128, 128, 200, 90)), np.float32)))
            return layers
        if kind < 0.43:  # changing colour
            first, last = self._colour(), self._colour()
            along = rng.uniform(0, math.tau)
            rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
            reach = columns * math.cos(along) + rows * math.sin(along)
            used = reach[plain > 0.5] if (plain > 0.5).any() else reach
            share = ((reach - used.min()) / max(1.0, float(np.ptp(used)))).clip(0, 1)[..., np.newaxis]
            return [(plain, np.asarray(first * (1 - share) + last * share, np.float32))]
        return [(plain, self._colour())]

    def _tiles(self, side: int) -> list[Layer]:
        """The same word or emblem all over."""
        rng = self._rng
        size = self._size(side, 0.03, 0.12)
        font, text, angle = self._font(size * 1.2), self._hand.words(), self._angle()
        width = font.getlength(text)
        step = (width * rng.uniform(1.1, 2.2), size * rng.uniform(1.8, 6))
        plane, shift = Image.new("L", (2 * side, 2 * side), 0), rng.choice((0.0, 0.5, 0.33))
        brush = ImageDraw.Draw(plane)
        for row in range(-1, int(2 * side / step[1]) + 2):
            for column in range(-1, int(2 * side / step[0]) + 2):
                brush.text(((column + row * shift % 1) * step[0], row * step[1]), text, fill=255, font=font, anchor="mm")
        turned = _turned(np.asarray(plane, np.float32) / np.float32(255), (side, side), angle)
        part = np.ascontiguousarray(turned[side // 2 : side // 2 + side, side // 2 : side // 2 + side])
        return [(part, self._colour())]

    def _emblem(self, side: int) -> list[Layer]:
        """An emblem, in one colour or two, alone or next to a name."""
        rng = self._rng
        size = self._size(side, 0.06, 0.5)
        centre = (side * rng.uniform(0.15, 0.85), side * rng.uniform(0.15, 0.85))
        layers = self._hand.logo(side, side, size) if rng.random() < 0.5 else self._hand.emblem(side, side, size, centre)
        angle = 0.0 if rng.random() < 0.7 else self._angle()
        return [(_turned(cover, centre, angle), np.array(colour, np.float32)) for cover, colour in layers]

    def _two(self, side: int) -> list[Layer]:
        """A letter in another colour on a disc or a block."""
        rng = self._rng
        size = self._size(side, 0.08, 0.4)
        centre = (side * rng.uniform(0.15, 0.85), side * rng.uniform(0.15, 0.85))
        whole, inner = Image.new("L", (side, side), 0), Image.new("L", (side, side), 0)
        box = (centre[0] - size / 2, centre[1] - size / 2, centre[0] + size / 2, centre[1] + size / 2)
        if rng.random() < 0.6:
            ImageDraw.Draw(whole).ellipse(box, fill=255)
        else:
            ImageDraw.Draw(whole).rounded_rectangle(box, radius=size * rng.uniform(0, 0.3), fill=255)
        text = self._hand.words()[: rng.choice((1, 1, 2))]
        ImageDraw.Draw(inner).text(centre, text, fill=255, font=self._font(0.7 * size), anchor="mm")
        return [(np.asarray(plane, np.float32) / np.float32(255), self._colour()) for plane in (whole, inner)]

    def _banded(self, side: int) -> list[Layer]:
        """A band from side to side, with text on it."""
        rng = self._rng
        high = self._size(side, 0.06, 0.35)
        top = rng.uniform(0.05, 0.9) * side
        band = np.zeros((side, side), np.float32)
        band[max(0, round(top)) : round(top + high)] = 1
        return self._on(side, band, (side * rng.uniform(0.3, 0.7), top + high / 2), high)

    def _plate(self, side: int) -> list[Layer]:
        """A block with text on it."""
        rng = self._rng
        high = self._size(side, 0.06, 0.35)
        wide = high * rng.uniform(1.5, 6)
        centre = (side * rng.uniform(0.2, 0.8), side * rng.uniform(0.1, 0.9))
        plane = Image.new("L", (side, side), 0)
        box = (centre[0] - wide / 2, centre[1] - high / 2, centre[0] + wide / 2, centre[1] + high / 2)
        ImageDraw.Draw(plane).rounded_rectangle(box, radius=high * rng.uniform(0, 0.5), fill=255)
        return self._on(side, np.asarray(plane, np.float32) / np.float32(255), centre, high)

    def _on(self, side: int, ground: Plane, centre: tuple[float, float], high: float) -> list[Layer]:
        rng = self._rng
        size = high * rng.uniform(0.4, 0.7)
        draw = self._writer(side, self._font(size), [self._hand.words()], centre, 0.0)
        angle = 0.0 if rng.random() < 0.85 else self._angle()
        letters = draw((0, 0), 0) if rng.random() < 0.85 else np.zeros((side, side), np.float32)
        return [
            (_turned(ground, centre, angle) * np.float32(rng.choice((1, 1, 0.5))), self._colour()),
            (_turned(letters, centre, angle), self._colour()),
        ]

    def _crossed(self, side: int) -> list[Layer]:
        """Crossed lines, or a net of them, with a word or without."""
        rng = self._rng
        plane = Image.new("L", (side, side), 0)
        brush = ImageDraw.Draw(plane)
        thick, tilt = max(1, round(side * rng.uniform(0.004, 0.02))), rng.uniform(0.4, 1.1)
        centre, colour = (side * rng.uniform(0.1, 0.9), side * rng.uniform(0.1, 0.9)), self._colour()
        gap = rng.choice((0.0, 0.0, rng.uniform(0.25, 0.6))) * side
        for number in range(-4, 5) if gap else (0,):
            for sign in (-1, 1):
                x = centre[0] + number * gap
                across, down = 2 * side * math.cos(tilt), sign * 2 * side * math.sin(tilt)
                brush.line((x - across, centre[1] - down, x + across, centre[1] + down), fill=255, width=thick)
        cover = np.asarray(plane, np.float32) / np.float32(255)
        cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), 0.5), np.float32)
        if rng.random() < 0.6:
            size = self._size(side, 0.05, 0.25)
            letters = self._writer(side, self._font(size), [self._hand.words()], centre, 0.0)((0, 0), 0)
            return [(cover, colour), (letters, colour)]
        return [(cover, colour)]

    def _scene_text(self, ground: Pixels8) -> Pixels8:
        """Text on a board or on things, seen in perspective, in the scene's light, as blurred and grainy as the camera sees it."""
        rng, side = self._rng, ground.shape[0]
        high, wide = 120, 420
        board = np.empty((high, wide, 3), np.float32)
        board[:] = self._colour()
        plane = Image.new("L", (wide, high), 0)
        ImageDraw.Draw(plane).text((wide / 2, high / 2), self._hand.words(), fill=255, font=self._font(rng.uniform(35, 75)), anchor="mm")
        letters = np.asarray(plane, np.float32)[..., np.newaxis] / 255
        flat = board * (1 - letters) + self._colour() * letters
        cover = np.ones((high, wide), np.float32) if rng.random() < 0.6 else letters[..., 0]
        across = side * rng.uniform(0.3, 1.1)
        down, lean = across * rng.uniform(0.2, 0.4), rng.uniform(-0.15, 0.15) * across
        left, top, shrink = rng.uniform(-0.2, 0.7) * side, rng.uniform(0, 0.8) * side, rng.uniform(0.75, 1)
        corners = np.array(
            [(left, top), (left + across, top + lean), (left + across, top + lean + shrink * down), (left, top + down)], np.float32
        )
        source = np.array([(0, 0), (wide, 0), (wide, high), (0, high)], np.float32)
        warp = cv2.getPerspectiveTransform(source, corners)
        seen = cv2.warpPerspective(flat.astype(np.float32), warp, (side, side), borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.GaussianBlur(cv2.warpPerspective(cover, warp, (side, side)), (0, 0), rng.uniform(0.6, 1.5))[..., np.newaxis]
        light = cv2.GaussianBlur(cv2.cvtColor(ground, cv2.COLOR_RGB2GRAY), (0, 0), 6).astype(np.float32)[..., np.newaxis]
        shade = 0.5 + 0.5 * light / max(1.0, float(light.max()))
        grain = self._noise.normal(0, rng.uniform(1, 6), ground.shape)
        return np.rint(ground * (1 - alpha) + (seen * shade + grain) * alpha).clip(0, 255).astype(np.uint8)

    def _seen(self, picture: Pixels8, paint: Plane) -> tuple[Pixels8, Pixels8]:
        """After JPEG, and in the network's size."""
        picture = compressed(picture, self._rng)
        how = cv2.INTER_AREA if picture.shape[0] > SIZE else cv2.INTER_LINEAR
        shown = cv2.resize(picture, (SIZE, SIZE), interpolation=how)
        painted = cv2.resize(paint, (SIZE, SIZE), interpolation=how)
        return np.asarray(shown, np.uint8), np.rint(painted.clip(0, 1) * 255).astype(np.uint8)


def _turned(plane: Plane, centre: tuple[float, float], angle: float) -> Plane:
    if not angle:
        return plane
    turn = cv2.getRotationMatrix2D(centre, angle, 1)
    return np.asarray(cv2.warpAffine(plane, turn, plane.shape[::-1]), np.float32)
