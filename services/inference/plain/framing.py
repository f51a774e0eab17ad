"""Frames: margin, border, round corners and shadow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from darkroom.operations.v1.border_pb2 import Border
from services.inference.media import Image, Pixels
from services.inference.media.colour import strips
from services.inference.plain.canvas import in_its_encoding, rgb_of
from services.pictures.geometry import Bordering, bordering

Floats = npt.NDArray[np.float32]

COPIES_OF_CANVAS = 6
"""Copies of the samples of the canvas, with alpha: frame, canvas, and opacity and shadow as 32-bit numbers."""
_BLACK = "#000000"
_OPACITY = 40
"""The opacity of a shadow, in per cent."""


def add_frame(image: Image, parameters: Border, check: Callable[[], None]) -> Image:
    """The picture with margin and border, its corners cut round, over its shadow; the very same where nothing of that is asked for.

    The arcs of border, margin and picture have one centre, so that border and margin are as wide there as elsewhere.
    """
    place = bordering(parameters, image.width, image.height)
    radius = min(parameters.corner_radius, min(place.frame) / 2)
    # A gray picture becomes RGB with the first colour that needs it, before samples of another one are taken.
    for colour in (parameters.color, parameters.margin_color, parameters.shadow_color or _BLACK):
        image, _ = in_its_encoding(image, rgb_of(colour))
    image = _surrounded(image, parameters.margin, parameters.margin_color, radius - parameters.width - parameters.margin)
    image = _surrounded(image, parameters.width, parameters.color, radius - parameters.width)
    check()
    if parameters.corner_radius:
        image = with_round_corners(image, radius)
    check()
    return _over_shadow(image, parameters, place) if parameters.shadow else image


def _surrounded(image: Image, width: int, colour: str, radius: float) -> Image:
    """The picture within a rectangle of a colour, which also covers its corners outside of arcs of a radius, if that is positive."""
    if not width:
        return image
    _, samples = in_its_encoding(image, rgb_of(colour))
    inner = slice(width, width + image.height), slice(width, width + image.width)
    size = image.height + 2 * width, image.width + 2 * width
    pixels = np.empty((*size, image.pixels.shape[2]), image.pixels.dtype)
    pixels[:] = samples[: pixels.shape[2]]
    pixels[inner] = image.pixels
    alpha = None
    if image.alpha is not None:
        alpha = np.full(size, image.maximum, image.alpha.dtype)
        alpha[inner] = image.alpha
    if radius > 0:
        _cover_corners(pixels[inner], None if alpha is None else alpha[inner], samples, image.maximum, radius)
    return image.replace(pixels=pixels, alpha=alpha)


def _cover_corners(pixels: Pixels, alpha: Pixels | None, samples: Sequence[int], maximum: int, radius: float) -> None:
    """Give the corners outside of arcs a colour, in place."""
    for rows, columns, inside in _corners(pixels.shape[0], pixels.shape[1], radius):
        outside = inside < 1
        seen = inside if alpha is None else inside * (alpha[rows, columns] / np.float32(maximum))
        whole = seen + 1 - inside
        share = (seen / np.maximum(whole, 1e-6))[..., None]
        mixed = pixels[rows, columns] * share + np.asarray(samples[: pixels.shape[2]], np.float32) * (1 - share)
        np.copyto(pixels[rows, columns], np.round(mixed), "unsafe", outside[..., None])
        if alpha is not None:
            np.copyto(alpha[rows, columns], np.round(whole * maximum), "unsafe", outside)


def with_round_corners(image: Image, radius: float) -> Image:
    """The picture with corners cut off; pixels on the arc are opaque by about the part of them that is inside."""
    alpha = np.full((image.height, image.width), image.maximum, image.pixels.dtype) if image.alpha is None else image.alpha.copy()
    for rows, columns, inside in _corners(image.height, image.width, radius):
        alpha[rows, columns] = np.round(alpha[rows, columns] * inside)
    return image.replace(alpha=alpha)


def _corners(height: int, width: int, radius: float) -> Iterator[tuple[slice, slice, Floats]]:
    """The four corners of a picture of this size, and how much of each of their pixels lies within the arc."""
    reach = math.ceil(radius)
    away = radius - np.arange(reach, dtype=np.float32) - np.float32(0.5)
    inside = np.clip(radius + 0.5 - np.hypot(away[:, None], away[None]), 0, 1)
    for rows, down in ((slice(0, reach), 1), (slice(height - reach, None), -1)):
        for columns, across in ((slice(0, reach), 1), (slice(width - reach, None), -1)):
            yield rows, columns, inside[::down, ::across]


def _over_shadow(image: Image, parameters: Border, place: Bordering) -> Image:
    """The picture on a canvas, over a shadow of what is opaque of it."""
    width, height = place.canvas
    _, samples = in_its_encoding(image, rgb_of(parameters.shadow_color or _BLACK))
    opacity: Floats = np.ones((image.height, image.width), np.float32)
    if image.alpha is not None:
        opacity = np.asarray(image.alpha / np.float32(image.maximum), np.float32)
    left, top = place.left + parameters.shadow_offset_x, place.top + parameters.shadow_offset_y
    behind = _blurred(_placed(opacity, width, height, left, top), parameters.shadow_blur)
    behind *= (parameters.shadow_opacity or _OPACITY) / 100
    opacity = _placed(opacity, width, height, place.left, place.top)
    pixels = np.empty((height, width, image.pixels.shape[2]), image.pixels.dtype)
    pixels[:] = samples[: pixels.shape[2]]
    rows, columns = slice(place.top, place.top + image.height), slice(place.left, place.left + image.width)
    _lay_over(pixels[rows, columns], image.pixels, opacity[rows, columns], behind[rows, columns])
    alpha = np.empty((height, width), image.pixels.dtype)
    for part in strips(height):
        alpha[part] = np.round((opacity[part] + behind[part] * (1 - opacity[part])) * image.maximum)
    return image.replace(pixels=pixels, alpha=alpha)


def _lay_over(under: Pixels, over: Pixels, opacity: Floats, behind: Floats) -> None:
    """The colours of a picture over those of a shadow, in place, weighted by what each shows (Porter, Duff: "Compositing Digital Images",
    SIGGRAPH 1984)."""
    for part in strips(under.shape[0]):
        seen = opacity[part]
        through = behind[part] * (1 - seen)
        whole = np.maximum(seen + through, 1e-6)
        # Where the picture is opaque its samples do not change.
        share = np.where(through > 0, seen / whole, 1)[..., None]
        mixed = over[part] * share + under[part] * (1 - share)
        under[part] = np.round(mixed)


def _placed(opacity: Floats, width: int, height: int, left: int, top: int) -> Floats:
    """Numbers on a larger canvas of zeros; what is beyond an edge of it is left out."""
    canvas = np.zeros((height, width), np.float32)
    first_row, first_column = max(0, -top), max(0, -left)
    seen = opacity[first_row : max(first_row, height - top), first_column : max(first_column, width - left)]
    row, column = max(0, top), max(0, left)
    canvas[row : row + seen.shape[0], column : column + seen.shape[1]] = seen
    return canvas


def _blurred(opacity: Floats, sigma: float) -> Floats:
    """Blurred by about a Gaussian: three means over boxes, whose variances add up to its own; nothing lies beyond the edges."""
    if not sigma:
        return opacity
    side = math.sqrt(4 * sigma**2 + 1)
    small = max(1, math.floor(side) - (math.floor(side) + 1) % 2)
    # How many of the boxes are the smaller ones, so that the variance is nearest to the Gaussian's.
    few = round((12 * sigma**2 - 3 * small**2 - 12 * small - 9) / (-4 * small - 4))
    for number in range(3):
        box = small if number < few else small + 2
        opacity = cv2.blur(opacity, (box, box), borderType=cv2.BORDER_CONSTANT)  # type: ignore[assignment]  # floats as before
    return opacity
