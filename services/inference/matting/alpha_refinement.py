"""From the model's small alpha to one of the picture's own size, whose edges follow the picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media.colour import strips
from services.inference.media.resampling import bilinear, resize

Alpha = npt.NDArray[np.uint16]
"""Opacity, height x width, 0 to 65535: fine enough that the steps below do not round visibly."""

Floats = npt.NDArray[np.floating]

_FULL = 65535.0
# Values of the model below and above these (of 255) are its noise on plain background and plain foreground.
_NOISE_FLOOR, _NOISE_CEILING = 8, 247
_EPSILON = 1e-4  # guided filter: how much guide variance (of 1) counts as flat
_MISFIT = 0.1  # alpha error of the local model at which its weight is 1/e
_BACK_PROJECTIONS = 2
_STRIP = 256


def denoise(coarse: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Stretches the model's alpha so that its faint haze becomes fully transparent and near-solid fully opaque."""
    levels = (np.arange(256.0) - _NOISE_FLOOR) / (_NOISE_CEILING - _NOISE_FLOOR)
    table = np.round(levels.clip(0, 1) * 255).astype(np.uint8)
    return np.asarray(table[coarse], np.uint8)


def enlarge(coarse: npt.NDArray[np.uint8], width: int, height: int) -> Alpha:
    """Resizes the model's alpha to width x height pixels without stair-steps."""
    widened: Alpha = coarse.astype(np.uint16) * np.uint16(257)
    return resize(widened, width, height)


def refine(alpha: Alpha, coarse: npt.NDArray[np.uint8], guide: npt.NDArray[np.uint8], check: Callable[[], None]) -> None:
    """Moves the edges of `alpha` (in place), an enlargement of `coarse`, onto the edges of `guide` (8-bit sRGB).

    A fast guided filter (He, Sun: "Fast Guided Filter", arXiv:1505.00996; after He, Sun, Tang: "Guided Image
    Filtering", TPAMI 2013): alpha is fitted as a linear function of colour in every 3 x 3 window at the model's
    resolution, and the enlarged coefficients are applied to the full-size picture. Colour, not luminance alone, is the
    guide, since many edges differ in hue only. Two guards keep the texture of the picture out of the alpha: where the
    fit is poor the plain enlargement is used, and no pixel leaves the range of the model's alpha around it. Last,
    back-projection (Irani, Peleg 1991) restores the model's own values: averaged down, the result equals `coarse`
    closely. `check` is called between strips of rows and may raise to cancel. Does nothing when the picture is not
    larger.
    """
    height, width = alpha.shape
    if height <= coarse.shape[0] or width <= coarse.shape[1]:
        return
    small = coarse.astype(np.float32) / 255
    window = np.ones((3, 3), np.uint8)
    lowest, highest = cv2.erode(small, window), cv2.dilate(small, window)
    bounds = np.dstack([lowest, highest]).astype(np.float32)
    unsure = [rows for rows in strips(height, _STRIP) if _varies(bounds, rows, height)]

    fit = _local_fit(resize(guide, small.shape[1], small.shape[0]), small)
    for rows in unsure:
        check()
        model = bilinear(fit, width, height, rows)
        fitted = np.einsum("ywc,ywc->yw", model[..., :3], guide[rows], dtype=np.float32) / 255 + model[..., 3]
        plain = alpha[rows] / np.float32(_FULL)
        plain += (fitted - plain) * model[..., 4]
        alpha[rows] = _clipped(plain, bounds, alpha.shape, rows)
    for _ in range(_BACK_PROJECTIONS):
        residual = small - resize(alpha, small.shape[1], small.shape[0]).astype(np.float32) / np.float32(_FULL)
        for rows in unsure:
            check()
            corrected = alpha[rows] / np.float32(_FULL) + bilinear(residual, width, height, rows)
            alpha[rows] = _clipped(corrected, bounds, alpha.shape, rows)


def _varies(bounds: Floats, rows: slice, height: int) -> bool:
    """Whether alpha varies around these rows, so that there is something to refine."""
    scale = bounds.shape[0] / height
    near = bounds[max(int(rows.start * scale) - 1, 0) : int(rows.stop * scale) + 2]
    return bool((near[..., 1] > near[..., 0]).any())


def _clipped(values: Floats, bounds: Floats, shape: tuple[int, ...], rows: slice) -> Alpha:
    limits = bilinear(bounds, shape[1], shape[0], rows)
    return np.round(np.clip(values, limits[..., 0], limits[..., 1]) * np.float32(_FULL)).astype(np.uint16)


def _local_fit(guide: npt.NDArray[np.uint8], alpha: Floats) -> Floats:
    """For every pixel: three slopes and an offset (alpha ~ slopes . colour + offset), then the confidence in them."""
    colour = guide.astype(np.float64) / 255
    mean_colour, mean_alpha = _mean(colour), _mean(alpha.astype(np.float64))
    covariance = _mean(colour * alpha[..., None]) - mean_colour * mean_alpha[..., None]
    variance = np.empty((*alpha.shape, 3, 3))
    for i in range(3):
        for j in range(i, 3):
            variance[..., i, j] = _mean(colour[..., i] * colour[..., j]) - mean_colour[..., i] * mean_colour[..., j]
            variance[..., j, i] = variance[..., i, j]
    variance += _EPSILON * np.eye(3)
    slopes = np.linalg.solve(variance, covariance[..., None])[..., 0]
    offset = mean_alpha - (slopes * mean_colour).sum(axis=-1)
    slopes, offset = _mean(slopes), _mean(offset)
    misfit = (slopes * colour).sum(axis=-1) + offset - alpha
    confidence = np.exp(-((misfit / _MISFIT) ** 2))
    return np.concatenate([slopes, offset[..., None], confidence[..., None]], axis=-1).astype(np.float32)


def _mean(values: Floats) -> Floats:
    """Means over 3 x 3 windows."""
    return np.asarray(cv2.blur(values, (3, 3), borderType=cv2.BORDER_REFLECT), np.float64)
