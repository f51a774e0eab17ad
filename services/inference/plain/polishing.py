"""Cleaning a picture up, gently."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.inference.media import Image
from services.inference.media.colour import Pixels
from services.inference.plain.graph import Work, compute, graph_of, whole
from services.inference.plain.local_tones import sharpen, smooth, smoothed_alike
from services.inference.plain.transfer import luminance

_NOISE_SEEN = 0.004
"""Standard deviation, of 1, below which nothing is smoothed: one level of 8 bits."""
_MOST_NOISE = 0.06
"""A larger value is taken for texture."""
_STRENGTH = 1.5
"""A share of the noise's standard deviation: smaller steps are smoothed."""
_RADIUS = 1.5
"""Standard deviation, in pixels, of the surroundings that noise is averaged over."""
_SURROUNDINGS = 1 / 30
"""The radius of local contrast, as a share of the longest side."""
_EDGE = 0.12
"""Steps of luma that are kept as edges when local contrast is raised."""
_CONTRAST = 0.2
_SHARPNESS = 0.35
_JUDGED = 2048
"""Side of the part of a picture, in its middle, that noise is judged by."""


def polish(image: Image, work: Work) -> Image:
    """The picture with less noise, more local contrast and sharper detail; alpha does not change.

    Noise: a guided filter over a pixel and a half, guided by luma and as strong as the noise (`noise_of`), so that edges stay. Local
    contrast: the difference to a guided filter over a thirtieth of the longest side, raised most where luma is in the middle. See
    `local_tones`.
    """
    picture = graph_of(image)
    alpha = None if image.alpha is None else picture[picture.bands - 1]
    values = (picture if alpha is None else picture[: picture.bands - 1]) / image.maximum
    seen = luminance(values)
    noise = noise_of(image.pixels)
    if noise > _NOISE_SEEN:
        values = smoothed_alike(values, seen, _RADIUS, min(noise, _MOST_NOISE) * _STRENGTH)
    luma = luminance(values)
    middle = luma * (1 - luma) * 4
    values = values + (luma - smooth(luma, _SURROUNDINGS, _EDGE, seen)) * middle * _CONTRAST
    values = sharpen(values, _SHARPNESS)
    colours = whole(values * image.maximum, image)
    return compute(colours if alpha is None else colours.bandjoin(alpha), image, work)


def noise_of(pixels: Pixels) -> float:
    """The standard deviation of noise in a picture, of 1.

    J. Immerkær: "Fast Noise Variance Estimation", Computer Vision and Image Understanding 64 (1996), with the median of the responses in
    place of their mean, which edges and texture would raise.
    """
    top, left = (max(0, (side - _JUDGED) // 2) for side in pixels.shape[:2])
    seen = pixels[top : top + _JUDGED, left : left + _JUDGED].astype(np.float32).mean(axis=2) / np.float32(np.iinfo(pixels.dtype).max)
    if min(seen.shape) < 3:
        return 0.0
    response = _second(_second(seen).T).T
    # The mask has the norm 6, and the median of the absolute value of a normal variable is 0.6745 standard deviations.
    return float(np.median(np.abs(response)) / (6 * 0.6745))


def _second(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Second differences of rows."""
    return np.asarray(values[:-2] - 2 * values[1:-1] + values[2:])
