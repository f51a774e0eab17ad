"""A picture at exactly the requested size."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from services.inference.media import Image
from services.inference.media.colour import Pixels, vips_from_array
from services.inference.media.spool import Spool


def fit_exactly(image: Image, width: int, height: int, spool: Spool, check: Callable[[], None]) -> Image:
    """The picture at exactly this size, by a Lanczos filter that is free of aliasing; in arrays of `spool`."""
    if (image.width, image.height) == (width, height):
        return image
    check()
    pixels = _resized(image.pixels, width, height, spool)
    check()
    alpha = None if image.alpha is None else _resized(image.alpha[..., None], width, height, spool)[..., 0]
    return dataclasses.replace(image, pixels=pixels, alpha=alpha)


def _resized(samples: Pixels, width: int, height: int, spool: Spool) -> Pixels:
    picture = vips_from_array(samples)
    wide = picture.format == "ushort"
    # For 16-bit samples libvips rounds the filter's weights, which makes opaque pixels slightly transparent.
    seen = picture.cast("float") if wide else picture
    resized = seen.resize(width / picture.width, vscale=height / picture.height, kernel="lanczos3")
    return spool.compute(resized.rint().cast("ushort") if wide else resized)
