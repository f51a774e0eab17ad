"""Colours that are laid around and under pictures, in the pictures' own encoding."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyvips

from services.inference.media import Image, LazyImage, Picture
from services.inference.media.colour import between, to_8bit, to_16bit
from services.inference.plain.graph import graph_of

TRANSPARENT = "transparent"


def rgb_of(colour: str) -> tuple[int, int, int]:
    """`#ff8000` as numbers; white for no colour."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#")) if colour else (255, 255, 255)
    return red, green, blue


def place(scaled: pyvips.Image, left: int, top: int, size: tuple[int, int], background: list[int]) -> pyvips.Image:
    """The graph of a picture on a canvas of this size, at a place. `background` has a number for each band."""
    if size == (scaled.width, scaled.height):
        return scaled
    return scaled.embed(left, top, *size, extend="background", background=background).copy(interpretation=scaled.interpretation)


def prepare_canvas(image: Picture, colour: str) -> tuple[Picture, list[int]]:
    """The picture, able to show the colour, and the colour in its samples, with alpha if the picture has it.

    `colour` is sRGB as `#` and six digits, `transparent`, or empty: transparent for a picture with alpha, otherwise white. A gray picture
    stays gray where it can show the colour; one that cannot becomes sRGB. An opaque picture gets alpha to show what is transparent.
    """
    if colour == TRANSPARENT or (not colour and image.alpha is not None):
        assert isinstance(image, Image)
        if image.alpha is None:
            image = image.replace(alpha=np.full((image.height, image.width), image.maximum, image.pixels.dtype))
        return image, [0] * graph_of(image).bands
    able: Picture
    samples: list[int]
    able, samples = in_its_encoding(image, rgb_of(colour))
    return able, [*samples, *([] if able.alpha is None else [able.maximum])]


def can_show(image: Image | LazyImage, rgb: tuple[int, int, int]) -> bool:
    """Whether the picture can show this colour (8-bit sRGB) unchanged: a gray one shows grays, and with a profile only black and white."""
    neutral = rgb[0] == rgb[1] == rgb[2]
    return not image.is_gray or (neutral and (image.icc is None or rgb[0] in (0, 255)))


def in_its_encoding(image: Picture, rgb: tuple[int, int, int]) -> tuple[Picture, list[int]]:
    """The picture, in sRGB if it was gray and cannot show this colour (8-bit sRGB), and the colour in its samples."""
    if not can_show(image, rgb):
        assert isinstance(image, Image)
        image = as_srgb(image)
    elif image.is_gray:
        return image, [rgb[0] * (image.maximum // 255)]
    samples = between(np.array([[rgb]], np.uint8), None, image.icc)[0, 0]
    return image, [int(sample) * (image.maximum // 255) for sample in samples]


def as_srgb(image: Image) -> Image:
    """The picture in sRGB, with three samples per pixel; with 16 bits only if it was gray with the curve of sRGB."""
    pixels = between(image.pixels, image.icc, None)
    alpha = image.alpha
    if alpha is not None:
        alpha = to_8bit(alpha) if pixels.dtype == np.uint8 else to_16bit(alpha)
    return dataclasses.replace(image, pixels=pixels, alpha=alpha, icc=None)
