"""Encoded values and linear light, by sRGB's curve (IEC 61966-2-1), all from 0 to 1.

It serves for every profile: display profiles have this curve, or one close to it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyvips

Floats = npt.NDArray[np.float64]

REC_709 = (0.2126, 0.7152, 0.0722)
"""The shares of red, green and blue in luminance."""
REC_601 = (0.299, 0.587, 0.114)
"""Their shares in the luma of JPEG."""


def decode_light(values: Floats) -> Floats:
    """The light of encoded values."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encode_light(light: Floats) -> Floats:
    """The reverse of `decode_light`."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)


def decoded_graph(values: pyvips.Image) -> pyvips.Image:
    """`decode_light`, of a graph."""
    return (values <= 0.04045).ifthenelse(values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded_graph(light: pyvips.Image) -> pyvips.Image:
    """`encode_light`, of a graph."""
    return (light <= 0.0031308).ifthenelse(light * 12.92, light ** (1 / 2.4) * 1.055 - 0.055)


def luminance(colours: pyvips.Image) -> pyvips.Image:
    """One band from gray or RGB: luminance of light, luma of encoded values."""
    return colours.recomb([list(REC_709)]) if colours.bands == 3 else colours
