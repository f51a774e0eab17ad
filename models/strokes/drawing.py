"""Lines of text and emblems drawn over photographs as a mark is, and which pixels they paint."""

from __future__ import annotations

import io
import math
import random
import string
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Pixels8 = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

HEIGHT, WIDTH = 80, 320
"""Pixels of what the network is trained on."""
_LINE = 0.3, 0.85  # of the height: that of the letters
_LETTERS = 12, 110  # pixels: height of the letters as they were drawn
_STRENGTHS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0)
_LEAST_CHANGE = 6.0  # levels: by which a mark changes its pixels on average
_UNMARKED, _EMBLEM, _LOGO = 0.05, 0.12, 0.12  # shares of all lines
_SYMBOL, _OUTLINED, _HOLLOW, _SHADOWED, _COLOURED, _TURNED = 0.2, 0.15, 0.03, 0.15, 0.3, 0.5  # shares
_SIGNS = "©®™@#&.-_:/!?+"
_QUALITIES = (None, None, 96, 92, 88, 84, 80, 75, 65)
_SHADOW = 0.6  # opacity relative to the letters'


class Hand:
    """Draws one line after another, by a seed."""

    def __init__(self, photographs: Sequence[Pixels8], fonts: Sequence[bytes], seed: int) -> None:
        self._photographs, self._fonts, self._rng = photographs, fonts, random.Random(seed)
        self._noise = np.random.default_rng(seed)

    def lines(self) -> Iterator[tuple[Pixels8, Pixels8]]:
        """One line after another, without end: see `line`."""
        while True:
            yield self.line()

    def line(self) -> tuple[Pixels8, Pixels8]:
        """A part of a picture, uint8 [80, 320, 3], and how much of each pixel is painted, uint8 [80, 320], 255 for all."""
        rng = self._rng
        for _ in range(20):
            letters = np.exp(rng.uniform(*np.log(_LETTERS)))
            height = round(letters / rng.uniform(*_LINE))
            width = round(height * WIDTH / HEIGHT)
            ground = self.ground(height, width)
            if rng.random() < _UNMARKED:
                return self._seen(ground, np.zeros((height, width), np.float32))
            layers = self._drawn(height, width, letters)
            strength = rng.choice(_STRENGTHS)
            picture, cover = ground.astype(np.float32), np.zeros((height, width), np.float32)
            for plane, colour in layers:
                part = (strength * plane)[..., np.newaxis]
                picture = picture * (1 - part) + np.array(colour, np.float32) * part
                cover = np.maximum(cover, plane)
            painted = cover > 0.5
            if painted.any() and np.abs(picture - ground)[painted].mean() >= _LEAST_CHANGE:
                return self._seen(np.rint(picture).clip(0, 255).astype(np.uint8), cover)
        return self._seen(ground, np.zeros((height, width), np.float32))

    def ground(self, height: int, width: int) -> Pixels8:
        """A part of a photograph in some size, mirrored, and in other light."""
        rng = self._rng
        whole = rng.choice(self._photographs)
        if rng.random() < 0.25:
            whole = np.ascontiguousarray(np.rot90(whole))
        # Large letters are on large pictures: more of the photograph is seen in them.
        least = max(height / whole.shape[0], width / whole.shape[1])
        scale = max(least, min(4.0, least * rng.uniform(1, 6), rng.uniform(0.4, 1.6)))
        down, across = min(whole.shape[0], round(height / scale)), min(whole.shape[1], round(width / scale))
        top, left = rng.randint(0, whole.shape[0] - down), rng.randint(0, whole.shape[1] - across)
        part = whole[top : top + down, left : left + across]
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        ground = cv2.resize(part, (width, height), interpolation=how).astype(np.float32)
        if rng.random() < 0.5:
            ground = ground[:, ::-1]
        ground = (ground - 128) * rng.uniform(0.6, 1.15) + 128 + rng.uniform(-40, 40)
        if rng.random() < 0.3:
            ground *= np.array([rng.uniform(0.75, 1.2) for _ in range(3)], np.float32)
        if rng.random() < 0.1:
            ground = np.repeat(ground.mean(axis=2, keepdims=True), 3, axis=2)
        if rng.random() < 0.2:
            ground += self._noise.normal(0, rng.uniform(2, 8), ground.shape).astype(np.float32)
        return np.rint(ground).clip(0, 255).astype(np.uint8)

    def _drawn(self, height: int, width: int, size: float) -> list[tuple[Plane, tuple[int, ...]]]:
        """Cover and colour of each layer of a mark, the lowest first. `size`: of its letters, or its emblem, in pixels."""
        kind = self._rng.random()
        if kind < _EMBLEM:
            return self.emblem(height, width, size)
        return self.logo(height, width, size) if kind < _EMBLEM + _LOGO else self._layers(height, width, size)

    def words(self) -> str:
        rng = self._rng
        kind = rng.random()
        if kind < 0.12:
            return rng.choice(("%02d.%02d.%04d", "%04d-%02d-%02d", "%02d:%02d %04d")) % tuple(rng.randint(1, 31) for _ in range(3))
        words = []
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
            letters = "".join(rng.choice("aeiou" if place % 2 else string.ascii_lowercase) for place in range(rng.randint(2, 8)))
            words.append(rng.choice((letters, letters.capitalize(), letters.upper(), letters.upper())))
        text = rng.choice((" ", " ", ".", " & ", "-")).join(words)
        if rng.random() < 0.35:
            sign = rng.choice(_SIGNS)
            text = rng.choice((f"{sign} {text}", f"{sign}{text}", f"{text}{sign}"))
        return text if rng.random() < 0.9 else text + str(rng.randint(0, 2030))

    def _layers(self, height: int, width: int, letters: float) -> list[tuple[Plane, tuple[int, ...]]]:
        """A line of text."""
        rng = self._rng
        font = ImageFont.truetype(io.BytesIO(rng.choice(self._fonts)), max(8, round(letters * rng.uniform(1.0, 1.35))))
        text, symbol = self.words(), rng.random() < _SYMBOL
        centre = (width * rng.uniform(0.35, 0.65), height * rng.uniform(0.42, 0.58))
        angle = rng.gauss(0, 2.0)
        outline = rng.random() < _OUTLINED
        thick = max(1, round(letters * rng.uniform(0.02, 0.07)))

        def draw(offset: tuple[float, float] = (0, 0), wider: int = 0) -> Plane:
            plane = Image.new("L", (width, height), 0)
            brush = ImageDraw.Draw(plane)
            at = (centre[0] + offset[0], centre[1] + offset[1])
            brush.text(at, text, fill=255, font=font, anchor="mm", stroke_width=wider)
            if symbol:
                self._symbol(brush, (at[0] - font.getlength(text) / 2 - 0.75 * letters, at[1]), 0.5 * letters + wider)
            turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
            return np.asarray(cv2.warpAffine(np.asarray(plane), turn, (width, height)), np.float32) / np.float32(255)

        state = rng.getstate()
        layers = [(draw(), self.colour())]
        if outline:
            rng.setstate(state)  # The symbol is the same again.
            wide = draw(wider=thick)
            if rng.random() < _HOLLOW / _OUTLINED:
                layers = [(np.asarray((wide - layers[0][0]).clip(0, 1), np.float32), layers[0][1])]
            else:
                layers.insert(0, (wide, self.colour()))
        return self._shadow(layers[0][0], letters) + layers

    def _shadow(self, cover: Plane, letters: float) -> list[tuple[Plane, tuple[int, ...]]]:
        """One layer, or none."""
        rng = self._rng
        if rng.random() >= _SHADOWED:
            return []
        away = letters * rng.uniform(0.03, 0.1)
        shadow = np.roll(cover, (round(away), round(away)), (0, 1))
        if rng.random() < 0.5:
            shadow = np.asarray(cv2.GaussianBlur(shadow, (0, 0), max(0.6, away / 2)), np.float32)
        return [(_SHADOW * shadow, (0, 0, 0))]

    def logo(self, height: int, width: int, size: float) -> list[tuple[Plane, tuple[int, ...]]]:
        """An emblem, and a smaller name next to or below it."""
        rng = self._rng
        letters, gap = size * rng.uniform(0.35, 0.65), size * rng.uniform(0.05, 0.3)
        beside = rng.random() < 0.75
        if not beside:
            size, letters = 0.6 * size, 0.6 * letters
        font = ImageFont.truetype(io.BytesIO(rng.choice(self._fonts)), max(8, round(letters * rng.uniform(1.0, 1.35))))
        centre = (width * rng.uniform(0.1, 0.5), height * (rng.uniform(0.4, 0.6) if beside else rng.uniform(0.28, 0.4)))
        at = (centre[0] + size / 2 + gap, centre[1]) if beside else (centre[0], centre[1] + size / 2 + gap)
        layers = self.emblem(height, width, size, centre)
        plane = Image.new("L", (width, height), 0)
        ImageDraw.Draw(plane).text(at, self.words(), fill=255, font=font, anchor="lm" if beside else "mt")
        name = np.asarray(plane, np.float32) / np.float32(255)
        layers[0] = (np.maximum(layers[0][0], name), layers[0][1])
        return layers

    def emblem(
        self, height: int, width: int, size: float, centre: tuple[float, float] | None = None
    ) -> list[tuple[Plane, tuple[int, ...]]]:
        """A figure with a hole or with something in another colour in it, or without `centre` a few figures side by side."""
        rng = self._rng
        colour, inner = self.colour(), self.colour()
        several = 1 if centre else rng.choice((1, 1, 1, 2, 3))
        centre = centre or (width * rng.uniform(0.2, 0.8), height * rng.uniform(0.4, 0.6))
        outer, within = Image.new("L", (width, height), 0), Image.new("L", (width, height), 0)
        for number in range(several):
            at = (centre[0] + 1.2 * number * size, centre[1])
            self._figure(ImageDraw.Draw(outer), at, size / 2)
            if rng.random() < 0.6:
                self._figure(ImageDraw.Draw(within), at, size * rng.uniform(0.15, 0.4))
        letter = rng.random() < 0.3
        if letter:
            font = ImageFont.truetype(io.BytesIO(rng.choice(self._fonts)), max(8, round(0.6 * size)))
            ImageDraw.Draw(within).text(centre, rng.choice(string.ascii_uppercase), fill=255, font=font, anchor="mm")
        whole, part = (np.asarray(plane, np.float32) / np.float32(255) for plane in (outer, within))
        if rng.random() < 0.5:
            return [(np.asarray((whole - part).clip(0, 1), np.float32), colour)]
        return [(whole, colour), (np.asarray(np.minimum(whole, part), np.float32), inner)]

    def _figure(self, brush: ImageDraw.ImageDraw, at: tuple[float, float], radius: float) -> None:
        rng = self._rng
        kind = rng.randrange(5)
        box = (at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius)
        if kind == 0:
            brush.ellipse(box, fill=255)
        elif kind == 1:
            brush.rounded_rectangle(box, radius=radius * rng.uniform(0, 0.6), fill=255)
        elif kind == 2:
            brush.pieslice(box, rng.randrange(360), rng.randrange(360, 600), fill=255)
        else:
            points, deep, turn = rng.randint(3, 9), rng.uniform(0.35, 1.0), rng.uniform(0, math.tau)
            reach = [radius * (1 if corner % 2 else deep) for corner in range(2 * points)]
            angles = [turn + corner * math.pi / points for corner in range(2 * points)]
            brush.polygon([(at[0] + r * math.cos(a), at[1] + r * math.sin(a)) for r, a in zip(reach, angles, strict=True)], fill=255)

    def _symbol(self, brush: ImageDraw.ImageDraw, at: tuple[float, float], radius: float) -> None:
        rng = self._rng
        box = (at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius)
        kind = rng.randrange(4)
        if kind == 0:
            brush.ellipse(box, outline=255, width=max(1, round(radius * 0.25)))
        elif kind == 1:
            brush.ellipse(box, fill=255)
        elif kind == 2:
            brush.regular_polygon((*at, radius), rng.randint(3, 8), rotation=rng.randrange(90), fill=255)
        else:
            brush.rounded_rectangle(box, radius=0.3 * radius, outline=255, width=max(1, round(radius * 0.3)))

    def colour(self) -> tuple[int, int, int]:
        rng = self._rng
        if rng.random() < _COLOURED:
            first, second, third = rng.randint(180, 255), rng.randint(0, 120), rng.randint(0, 255)
            return tuple(rng.sample((first, second, third), 3))  # type: ignore[return-value]
        level = rng.choice((255, 255, 255, 0, 0, 128, rng.randint(0, 255)))
        return level, level, level

    def _seen(self, picture: Pixels8, cover: Plane) -> tuple[Pixels8, Pixels8]:
        """After JPEG, after being turned level, and in the network's size."""
        rng = self._rng
        picture = compressed(picture, rng)
        scale = HEIGHT / picture.shape[0]
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        if rng.random() < _TURNED:
            # Between pixels, as where a line is turned level.
            shift = np.array([[1, 0, rng.random()], [0, 1, rng.random()]], np.float32)
            picture = np.asarray(cv2.warpAffine(picture, shift, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE), np.uint8)
            cover = np.asarray(cv2.warpAffine(cover, shift, cover.shape[::-1]), np.float32)
        shown = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=how)
        painted = cv2.resize(cover, (WIDTH, HEIGHT), interpolation=how)
        return np.asarray(shown, np.uint8), np.rint(painted.clip(0, 1) * 255).astype(np.uint8)


def compressed(picture: Pixels8, rng: random.Random) -> Pixels8:
    """After JPEG of some quality, or as it was."""
    quality = rng.choice(_QUALITIES)
    if quality is None:
        return picture
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling=rng.choice((0, 2)))
    return np.asarray(Image.open(file))
