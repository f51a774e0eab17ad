"""Pictures with watermarks laid over them, whose truth is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

Pixels = npt.NDArray[np.uint8]
Layer = npt.NDArray[np.float32]


def photo(name: str = "coffee.jpg") -> Pixels:
    """A photograph of the samples, about 400 pixels high."""
    picture = Pil.open(f"samples/{name}").convert("RGB")
    picture.thumbnail((640, 400))
    return np.asarray(picture)


def texture(height: int = 240, width: int = 420) -> Pixels:
    """Dark texture of three colours without anything light."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    waves = [20 * np.sin(x / 17 + channel) + 18 * np.cos(y / 11 - x / 40 + channel) for channel in range(3)]
    grain = np.random.default_rng(5).normal(0, 7, (height, width, 3))
    return np.asarray(np.round(70 + np.stack(waves, axis=2) + grain).clip(0, 120), np.uint8)


def layer(shape: tuple[int, ...], text: str, pixels: int, place: tuple[float, float], anchor: str = "lt") -> Layer:
    """How much of each pixel a line of text covers, 0 to 1."""
    canvas = Pil.new("L", (shape[1], shape[0]), 0)
    ImageDraw.Draw(canvas).text(place, text, fill=255, font=ImageFont.load_default(pixels), anchor=anchor)
    return np.asarray(canvas, np.float32) / 255


def tiled(shape: tuple[int, ...], text: str, pixels: int, angle: float, step: tuple[int, int]) -> Layer:
    """The same for text that repeats all over, row by row half a step aside, turned as a whole."""
    side = int(np.hypot(*shape[:2])) + 200
    canvas = Pil.new("L", (side, side), 0)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(pixels)
    for row, y in enumerate(range(0, side, step[1])):
        for x in range(-(step[0] // 2) * (row % 2), side, step[0]):
            draw.text((x, y), text, fill=255, font=font)
    turned = np.asarray(canvas.rotate(angle, Pil.Resampling.BICUBIC), np.float32) / 255
    top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
    return turned[top : top + shape[0], left : left + shape[1]]


def over(picture: Pixels, cover: Layer, opacity: float, colour: int = 255) -> Pixels:
    """The picture with paint of one colour over it."""
    alpha = (cover * opacity)[..., np.newaxis]
    return np.round(picture * (1 - alpha) + colour * alpha).clip(0, 255).astype(np.uint8)


def error(picture: Pixels, truth: Pixels, where: npt.NDArray[np.bool_]) -> float:
    """Root mean square, in levels."""
    return float(np.sqrt(((picture.astype(np.float64) - truth)[where] ** 2).mean()))
