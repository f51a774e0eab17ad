"""Samples that are neither of 8 nor of 16 bits, as TIFF files of science and of scanners have them."""

from __future__ import annotations

import numpy as np
import pyvips

from services.inference.media.colour import Pixels, strips, vips_from_array, vips_from_floats
from services.inference.media.errors import unsupported_error
from services.inference.media.notes import CLIPPED, STRETCHED

_FORMATS = ("uint", "char", "short", "int", "float")
_WHITE = 65_535
_COLOURS = 3
_LARGEST = (1 << 32) - 1


def in_16_bits(image: pyvips.Image) -> tuple[pyvips.Image, tuple[str, ...]]:
    """An image with other samples as one of 16 bits, and what has to be said of it.

    Whole numbers of 32 bits are scaled, and so are fractions from 0 to 1, as the encoded values that they are. Other fractions, and numbers
    with a sign, have no white of their own: the least becomes black and the greatest white. Raises `MEDIA_UNSUPPORTED` for numbers with
    two parts, and for such a range with alpha, and `pyvips.Error` for damage.
    """
    if image.format not in _FORMATS:
        raise unsupported_error("The samples of the picture are complex numbers.", allowed=("whole numbers", "fractions"))
    samples = _samples(image)
    notes: tuple[str, ...] = ()
    low, high = 0.0, float(_LARGEST)
    if image.format != "uint":
        low, high = _range(samples)
        if image.format == "float" and low >= 0 and high <= 1:
            low, high = 0.0, 1.0
        else:
            if image.bands in (2, 4):
                raise unsupported_error(
                    f"The samples of the picture range from {low:g} to {high:g}.", allowed=("0 to 1 where there is alpha",)
                )
            notes = (STRETCHED.format(low=f"{low:g}", high=f"{high:g}"),)
    return vips_from_array(_scaled(samples, low, high)), notes


def encoded_in_16_bits(image: pyvips.Image) -> tuple[pyvips.Image, tuple[str, ...]]:
    """Fractions in the encoding of a profile, which says what 1 is, with 16 bits; and what has to be said of those beyond 0 and 1."""
    samples = _samples(image)
    return vips_from_array(_scaled(samples, 0.0, 1.0)), _clipped(samples)


def light_in_memory(image: pyvips.Image) -> tuple[pyvips.Image, tuple[str, ...]]:
    """An image of linear light that has been read, and what has to be said of numbers beyond black and white."""
    samples = _samples(image)
    return vips_from_floats(samples.astype(np.float32, copy=False)).copy(interpretation="scrgb"), _clipped(samples)


def _samples(image: pyvips.Image) -> np.ndarray:
    return np.asarray(image.numpy()).reshape(image.height, image.width, image.bands)


def _clipped(samples: np.ndarray) -> tuple[str, ...]:
    low, high = _range(samples[..., :_COLOURS])
    return () if low >= 0 and high <= 1 else (CLIPPED.format(low=f"{low:g}", high=f"{high:g}"),)


def _range(samples: np.ndarray) -> tuple[float, float]:
    """The least and the greatest number."""
    found = []
    for rows in strips(samples.shape[0]):
        numbers = samples[rows]
        numbers = numbers[np.isfinite(numbers)]
        if numbers.size:
            found += [float(numbers.min()), float(numbers.max())]
    return (min(found), max(found)) if found else (0.0, 1.0)


def _scaled(samples: np.ndarray, low: float, high: float) -> Pixels:
    out = np.empty(samples.shape, np.uint16)
    for rows in strips(samples.shape[0]):
        shares = (samples[rows].astype(np.float64) - low) / max(high - low, np.finfo(np.float64).tiny)
        out[rows] = np.rint(np.nan_to_num(shares, nan=0, posinf=1, neginf=0).clip(0, 1) * _WHITE)
    return out
