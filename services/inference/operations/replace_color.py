"""Replace a colour by another, or by transparency."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from darkroom.operations.v1.replace_color_pb2 import ReplaceColor
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image, Pixels
from services.inference.media.colour import strips
from services.inference.plain.canvas import TRANSPARENT, in_its_encoding, rgb_of


def replace_colour(image: Image, source: str, target: str, tolerance: float) -> Image:
    """The picture with pixels near `source` blended towards `target`, by their nearness; the very same where there are none, but with alpha
    if `target` is transparency, so that the format of a result does not depend on whether there were any.

    A pixel at the distance d from the source, in 8-bit sRGB, is replaced by the share 1 − d / (√3 × tolerance). Towards transparency it is
    alpha that is lowered, and no colour is left where nothing is visible.
    """
    # A gray picture is examined unchanged, and looks the same once it is coloured.
    seen = image.srgb()
    found = [nearness(seen[rows], rgb_of(source), tolerance) for rows in strips(image.height)]
    if not any(share.any() for share in found) and (target != TRANSPARENT or image.alpha is not None):
        return image
    if target == TRANSPARENT:
        alpha = _faded(image, found)
        return image.replace(pixels=np.where(alpha[..., None] == 0, image.pixels.dtype.type(0), image.pixels), alpha=alpha)
    image, samples = in_its_encoding(image, rgb_of(target))
    pixels = image.pixels.copy()
    for rows, share in zip(strips(image.height), found, strict=True):
        near = share > 0
        own = pixels[rows][near].astype(np.float32)
        pixels[rows][near] = np.rint(own + (np.array(samples, np.float32) - own) * share[near][:, None]).astype(pixels.dtype)
    return image.replace(pixels=pixels)


def nearness(seen: npt.NDArray[np.uint8], source: tuple[int, int, int], tolerance: float) -> npt.NDArray[np.float32]:
    """By which share each pixel is replaced, 0 to 1."""
    distance = np.sqrt(np.square(seen.astype(np.int32) - np.array(source)).sum(axis=2, dtype=np.float32))
    if tolerance == 0:
        return np.asarray(distance == 0, np.float32)
    return np.asarray(np.clip(1 - distance / (math.sqrt(3) * tolerance), 0, 1), np.float32)


def _faded(image: Image, found: list[npt.NDArray[np.float32]]) -> Pixels:
    alpha = np.full((image.height, image.width), image.maximum, image.pixels.dtype) if image.alpha is None else image.alpha.copy()
    for rows, share in zip(strips(image.height), found, strict=True):
        alpha[rows] = np.rint(alpha[rows] * (1 - share)).astype(alpha.dtype)
    return alpha


_COPIES = 6
"""Copies of the decoded samples: the picture, in sRGB, shares of four bytes a pixel, and the result."""


def peak_memory(picture: Header, _parameters: ReplaceColor) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Image, parameters: ReplaceColor, step: PlainStep) -> Image:
    """The picture with the colour replaced."""
    step.label("recoloured")
    return replace_colour(image, parameters.color, parameters.replacement, parameters.tolerance)
