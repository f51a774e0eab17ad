"""From the model's small alpha to one of the picture's own size, whose edges follow the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.matting.blocks import blocks, grown, within
from services.inference.matting.edge_pixels import edge_pixels, stacked
from services.inference.media.resampling import resize

Alpha = npt.NDArray[np.uint16]
"""Opacity, height x width, 0 to 65535: fine enough that the steps below do not round visibly."""

Floats = npt.NDArray[np.float32]
Pixels8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

_FULL = np.float32(65535)
# Values of the model below and above these (of 255) are its noise on plain background and plain foreground.
_NOISE_FLOOR, _NOISE_CEILING = 8, 247
_EPSILON = np.float32(1e-4)  # guided filter: how much guide variance (of 1) counts as flat
_CENTRE = np.float32(0.5)
_MISFIT = np.float32(0.1)  # alpha error of the local model at which its weight is 1/e
_BACK_PROJECTIONS = 2
_BLOCK, _LONGEST = 32, 256  # pixels of the model that are fitted together


def denoise(coarse: Pixels8) -> Pixels8:
    """Stretches the model's alpha so that its faint haze becomes fully transparent and near-solid fully opaque."""
    levels = (np.arange(256.0) - _NOISE_FLOOR) / (_NOISE_CEILING - _NOISE_FLOOR)
    return np.asarray(cv2.LUT(coarse, np.round(levels.clip(0, 1) * 255).astype(np.uint8)), np.uint8)


def enlarge(coarse: Pixels8, width: int, height: int) -> Alpha:
    """Resizes the model's alpha to width x height pixels without stair-steps."""
    widened: Alpha = coarse.astype(np.uint16) * np.uint16(257)
    return resize(widened, width, height)


def refine(alpha: Alpha, coarse: Pixels8, guide: Pixels8, check: Callable[[], None], small_guide: Pixels8 | None = None) -> None:
    """Moves the edges of `alpha` (in place), an enlargement of `coarse`, onto the edges of `guide` (8-bit sRGB).

    A fast guided filter (He, Sun: "Fast Guided Filter", arXiv:1505.00996; after He, Sun, Tang: "Guided Image
    Filtering", TPAMI 2013): alpha is fitted as a linear function of colour in every 3 x 3 window at the model's
    resolution, and the enlarged coefficients are applied to the full-size picture. Colour, not luminance alone, is the
    guide, since many edges differ in hue only. Two guards keep the texture of the picture out of the alpha: where the
    fit is poor the plain enlargement is used, and no pixel leaves the range of the model's alpha around it. Last,
    back-projection (Irani, Peleg 1991) restores the model's own values: averaged down, the result equals `coarse`
    closely. Only the pixels around which `coarse` varies are computed. `small_guide` is the guide in the size of `coarse`, where the caller
    has it. `check` is called between strips of rows and may raise to cancel. Does nothing when the picture is not larger.
    """
    height, width = alpha.shape
    if height <= coarse.shape[0] or width <= coarse.shape[1]:
        return
    window = np.ones((3, 3), np.uint8)
    lowest, highest = cv2.erode(coarse, window), cv2.dilate(coarse, window)
    # One pixel more, since an enlargement mixes neighbours.
    edges = np.asarray(cv2.dilate((highest > lowest).view(np.uint8), window) > 0)
    if not edges.any():
        return
    small, bounds = _unit(coarse), (_unit(lowest), _unit(highest))
    if small_guide is None:
        small_guide = resize(guide, coarse.shape[1], coarse.shape[0])
    fit = stacked([*_local_fit(small_guide, small, edges), *bounds])
    for pixels in edge_pixels(edges, width, height):
        check()
        red, green, blue, offset, confidence, low, high = pixels.enlarged(fit)
        colour = _unit(pixels.of(guide).T)
        plain = _share(pixels.of(alpha))
        plain += (red * colour[0] + green * colour[1] + blue * colour[2] + offset - plain) * confidence
        pixels.put(_clipped(plain, low, high), alpha)
    for _ in range(_BACK_PROJECTIONS):
        residual = stacked([small - _share(resize(alpha, coarse.shape[1], coarse.shape[0])), *bounds])
        for pixels in edge_pixels(edges, width, height):
            check()
            correction, low, high = pixels.enlarged(residual)
            pixels.put(_clipped(_share(pixels.of(alpha)) + correction, low, high), alpha)


def _share(alpha: npt.NDArray[Any]) -> Floats:
    return np.asarray(alpha / _FULL, np.float32)


def _clipped(values: Floats, low: Floats, high: Floats) -> Alpha:
    return np.round(np.clip(values, low, high) * _FULL).astype(np.uint16)


def _local_fit(guide: Pixels8, alpha: Floats, edges: Bools) -> list[Floats]:
    """Planes: three slopes and an offset (alpha ~ slopes . colour + offset), then the confidence in them. Zero far from `edges`."""
    planes = [np.zeros(alpha.shape, np.float32) for _ in range(5)]
    for block in blocks(edges, _BLOCK, _LONGEST):
        near = grown(block, 2, alpha.shape)
        inner = within(block, near)
        for plane, values in zip(planes, _fit(guide[near], alpha[near]), strict=True):
            plane[block] = values[inner]
    return planes


def _fit(guide: Pixels8, alpha: Floats) -> list[Floats]:
    # Centred, products of colours keep their digits in single precision.
    colour = [_unit(plane) - _CENTRE for plane in cv2.split(guide)]
    mean_colour, mean_alpha = [_mean(plane) for plane in colour], _mean(alpha)
    rr, rg, rb, gg, gb, bb = (
        _mean(cv2.multiply(colour[i], colour[j])) - mean_colour[i] * mean_colour[j] for i in range(3) for j in range(i, 3)
    )
    red, green, blue = (_mean(cv2.multiply(plane, alpha)) - own * mean_alpha for plane, own in zip(colour, mean_colour, strict=True))
    # Gaussian elimination. Cofactors would be only rounding errors where colours are collinear, such as grays.
    rr += _EPSILON
    by_red, by_blue = rg / rr, rb / rr
    gg += _EPSILON - by_red * rg
    gb -= by_red * rb
    bb += _EPSILON - by_blue * rb
    green -= by_red * red
    blue -= by_blue * red
    by_green = gb / gg
    third = (blue - by_green * green) / (bb - by_green * gb)
    second = (green - gb * third) / gg
    first = (red - rg * second - rb * third) / rr
    for slope, own in zip((first, second, third), mean_colour, strict=True):
        mean_alpha -= slope * own
    slopes = [_mean(each) for each in (first, second, third)]
    offset = _mean(mean_alpha)
    misfit = offset - alpha
    for mean_slope, plane in zip(slopes, colour, strict=True):
        misfit += mean_slope * plane
        offset -= mean_slope * _CENTRE
    return [*slopes, offset, np.exp(-((misfit / _MISFIT) ** 2))]


def _mean(values: npt.NDArray[Any]) -> Floats:
    """Means over 3 x 3 windows."""
    return np.asarray(cv2.blur(values, (3, 3), borderType=cv2.BORDER_REFLECT), np.float32)


def _unit(samples: npt.NDArray[Any]) -> Floats:
    return np.asarray(np.multiply(samples, np.float32(1 / 255), dtype=np.float32))
