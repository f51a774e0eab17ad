"""Scaling of libvips images."""

from __future__ import annotations

import pyvips

from services.pictures.geometry import Size


def scale(picture: pyvips.Image, size: Size) -> pyvips.Image:
    """Lanczos where a side shrinks, bicubic where it grows. 16-bit samples become floats."""
    width, height = picture.width, picture.height
    if size == (width, height):
        return picture
    # For 16-bit samples libvips rounds the filter's weights, which makes opaque pixels slightly transparent.
    seen = picture.cast("float") if picture.format == "ushort" else picture
    result = seen.resize(size[0] / width, vscale=size[1] / height, kernel="lanczos3")
    assert (result.width, result.height) == size
    return result
