"""Sharpening by three methods, and the median that may come before.

All work on the lightness of encoded values, 0 to 1, and move all channels together. Surroundings are averaged with alpha as their weight
(normalized convolution; Knutsson, Westin, CVPR 1993), so that hidden colours leave no edge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyvips

from darkroom.operations.v1.sharpen_pb2 import (
    SHARPEN_DENOISE_LIGHT,
    SHARPEN_DENOISE_MEDIUM,
    SHARPEN_DENOISE_STRONG,
    SharpenDenoise,
)
from services.inference.media import Image
from services.inference.plain.graph import Work, compute, graph_of, whole
from services.inference.plain.transfer import luminance

_HUNDREDTH = 0.01
_LEVEL = 1 / 255
_SMALLEST = 0.1
"""Where a Gaussian is cut off, as in libvips' `sharpen`."""
_MOST_OF_HIGH_PASS = 2
"""How much of the difference full strength adds."""
_LEAST_WEIGHT = 1e-4
_SIDES: Mapping[SharpenDenoise.ValueType, int] = {SHARPEN_DENOISE_LIGHT: 3, SHARPEN_DENOISE_MEDIUM: 5, SHARPEN_DENOISE_STRONG: 7}
"""The side of the square of the median, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptive:
    """Units and limits are those of the message `Sharpen`."""

    sigma: float = 1
    m1: float = 1
    m2: float = 3
    x1: float = 2
    y2: float = 12
    y3: float = 20

    @property
    def changes(self) -> bool:
        """Whether it does anything."""
        return bool(self.m1 or self.m2)

    def change(self, luma: pyvips.Image, weight: pyvips.Image | None) -> pyvips.Image:
        """The addition: a function of the difference in three straight parts and two limits, as in libvips' `sharpen`."""
        difference = _difference(luma, weight, _gaussian(self.sigma))
        size, edge = difference.abs(), self.x1 * _HUNDREDTH
        change = (size < edge).ifthenelse(size * self.m1, (size - edge) * self.m2 + edge * self.m1)
        return (difference < 0).ifthenelse(_at_most(change, self.y3 * _HUNDREDTH) * -1, _at_most(change, self.y2 * _HUNDREDTH))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsharpMask:
    """Units and limits are those of the message `Sharpen`."""

    amount: float = 100
    radius: float = 1
    threshold: float = 0

    @property
    def changes(self) -> bool:
        """Whether it does anything."""
        return bool(self.amount)

    def change(self, luma: pyvips.Image, weight: pyvips.Image | None) -> pyvips.Image:
        """The addition."""
        difference = _difference(luma, weight, _gaussian(self.radius))
        return (difference.abs() < self.threshold * _LEVEL).ifthenelse(0, difference * (self.amount / 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class HighPass:
    """Units and limits are those of the message `Sharpen`."""

    strength: float = 50
    kernel_size: int = 3

    @property
    def changes(self) -> bool:
        """Whether it does anything."""
        return bool(self.strength)

    def change(self, luma: pyvips.Image, weight: pyvips.Image | None) -> pyvips.Image:
        """The addition."""
        box = pyvips.Image.new_from_list([[1.0] * self.kernel_size], scale=self.kernel_size)
        difference = _difference(luma, weight, lambda of: of.convsep(box, precision="float"))
        return difference * (self.strength / 100 * _MOST_OF_HIGH_PASS)


Method = Adaptive | UnsharpMask | HighPass
Mean = Callable[[pyvips.Image], pyvips.Image]


def sharpened_by(image: Image, method: Method | None, denoise: SharpenDenoise.ValueType, work: Work) -> Image:
    """The picture without noise and sharper; the very same where nothing is to change."""
    changes = method is not None and method.changes
    if not changes and not denoise:
        return image
    picture = graph_of(image)
    alpha = None if image.alpha is None else picture[picture.bands - 1]
    colours = picture if alpha is None else picture[: picture.bands - 1]
    if denoise:
        colours = _median(colours, alpha, _SIDES[denoise])
    if method is not None and changes:
        # Every sample is read several times.
        values = colours.copy_memory() / image.maximum
        change = method.change(luminance(values), None if alpha is None else alpha / image.maximum)
        colours = whole((values + change) * image.maximum, image)
    return compute(colours if alpha is None else colours.bandjoin(alpha), image, work)


def _gaussian(sigma: float) -> Mean:
    return lambda of: of.gaussblur(sigma, precision="float", min_ampl=_SMALLEST)


def _difference(luma: pyvips.Image, weight: pyvips.Image | None, mean: Mean) -> pyvips.Image:
    """The difference to what is around."""
    if weight is None:
        return luma - mean(luma)
    weights = mean(weight)
    return (weights < _LEAST_WEIGHT).ifthenelse(0, luma - mean(luma * weight) / (weights < _LEAST_WEIGHT).ifthenelse(1, weights))


def _at_most(values: pyvips.Image, most: float) -> pyvips.Image:
    return (values > most).ifthenelse(most, values)


def _median(colours: pyvips.Image, alpha: pyvips.Image | None, side: int) -> pyvips.Image:
    """The median of each channel; next to fully transparent pixels, the original colours."""
    found = _ranked(colours, side, side * side // 2).copy(interpretation=colours.interpretation)
    if alpha is None:
        return found
    hidden = _ranked(alpha == 0, side, side * side - 1)
    return hidden.ifthenelse(colours, found)


def _ranked(picture: pyvips.Image, side: int, rank: int) -> pyvips.Image:
    """For each pixel, that of this rank in the square around it. The picture may be smaller than the square."""
    margin = side // 2
    wide = picture.embed(margin, margin, picture.width + 2 * margin, picture.height + 2 * margin, extend="copy")
    return wide.rank(side, side, rank).extract_area(margin, margin, picture.width, picture.height)
