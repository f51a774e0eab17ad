"""Changing the encoding of colours."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyvips

from services.inference.media import Image
from services.inference.media.colour import array_from_vips, between, vips_from_array


def in_srgb(image: Image) -> Image:
    """The picture in sRGB, with the same number of bits; gray stays gray where it is sRGB's already."""
    if image.icc is None:
        return image
    if image.bit_depth == 8:
        return dataclasses.replace(image, pixels=between(image.pixels, image.icc, None), icc=None)
    seen = vips_from_array(image.pixels).copy()
    seen.set_type(pyvips.GValue.blob_type, "icc-profile-data", image.icc)
    converted = seen.icc_transform("srgb", embedded=True, depth=16, intent="relative", black_point_compensation=True)
    pixels = array_from_vips(converted)
    assert pixels.dtype == np.uint16
    return dataclasses.replace(image, pixels=pixels, icc=None)
