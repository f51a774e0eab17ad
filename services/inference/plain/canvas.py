"""Colours that are laid around and under pictures, in the pictures' own encoding."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyvips

from services.inference.media import Image
from services.inference.media.colour import between, to_8bit, to_16bit
from services.inference.plain.graph import graph_of

TRANSPARENT = "transparent"


def rgb_of(colour: str) -> tuple[int, int, int]:
    """`#ff8000` as numbers; white for no colour."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#")) if colour else (255, 255, 255)
    return red, green, blue


def place(scaled: pyvips.Image, image: Image, left: int, top: int, size: tuple[int, int], background: list[int]) -> pyvips.Image:
    """The graph of a picture on a canvas of this size, at a place. `background` has a number for each band."""
    if size == (scaled.width, scaled.height):
        return scaled
    return scaled.embed(left, top, *size, extend="background", background=background).copy(interpretation=scaled.interpretation)


def prepare_canvas(image: Image, colour: str) -> tuple[Image, list[int]]:
    """The picture, able to show the colour, and the colour in its samples, with alpha if the picture has it.

    `colour` is sRGB as `#` and six digits, `transparent`, or empty: transparent for a picture with alpha, otherwise white. A gray picture
    stays gray where it can show the colour; one that cannot becomes sRGB. An opaque picture gets alpha to show what is transparent.
    """
    if colour == TRANSPARENT or (not colour and image.alpha is not None):
        if image.alpha is None:
            image = image.replace(alpha=np.full((image.height, image.width), image.maximum, image.pixels.dtype))
        return image, [0] * graph_of(image).bands
    image, samples = in_its_encoding(image, rgb_of(colour))
    return image, [*samples, *([] if image.alpha is None else [image.maximum])]


def in_its_encoding(image: Image, rgb: tuple[int, int, int]) -> tuple[Image, list[int]]:
    """The picture, in sRGB if it was gray and cannot show this colour (8-bit sRGB), and the colour in its samples."""
    neutral = rgb[0] == rgb[1] == rgb[2]
    if image.is_gray and neutral and (image.icc is None or rgb[0] in (0, 255)):
        return image, [rgb[0] * (image.maximum // 255)]
    if image.is_gray:
        image = as_srgb(image)
    samples = between(np.array([[rgb]], np.uint8), None, image.icc)[0, 0]
    return image, [int(sample) * (image.maximum // 255) for sample in samples]


def as_srgb(image: Image) -> Image:
    """The picture in sRGB, with three samples per pixel; with 16 bits only if it was gray with the curve of sRGB."""
    pixels = between(image.pixels, image.icc, None)
    alpha = image.alpha
    if alpha is not None:
        alpha = to_8bit(alpha) if pixels.dtype == np.uint8 else to_16bit(alpha)
    return dataclasses.replace(image, pixels=pixels, alpha=alpha, icc=None)
