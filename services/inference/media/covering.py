"""Scaling a picture to cover another size."""

from __future__ import annotations

import dataclasses

import pyvips

from services.inference.media.colour import array_from_vips, vips_from_array
from services.inference.media.image import Image


def covering(image: Image, width: int, height: int) -> Image:
    """The picture scaled to cover width x height pixels, keeping its shape, and cropped evenly on both sides.

    Lanczos when shrinking, bicubic when enlarging. Transparent pixels lend no colour to their surroundings.
    """
    scale = max(width / image.width, height / image.height)
    # The part of the picture that remains, in its own pixels.
    columns, rows = (min(own, max(1, round(side / scale))) for own, side in ((image.width, width), (image.height, height)))
    source = vips_from_array(image.pixels)
    if image.alpha is not None:
        source = source.bandjoin(vips_from_array(image.alpha[..., None])).premultiply(max_alpha=image.maximum)
    part = source.extract_area((image.width - columns) // 2, (image.height - rows) // 2, columns, rows)
    scaled = part.resize(width / columns, vscale=height / rows, kernel="cubic" if scale > 1 else "lanczos3")
    assert (scaled.width, scaled.height) == (width, height)
    if image.alpha is None:
        return dataclasses.replace(image, pixels=array_from_vips(scaled))
    samples = array_from_vips(_whole(scaled.unpremultiply(max_alpha=image.maximum), image))
    return dataclasses.replace(image, pixels=samples[..., :-1].copy(), alpha=samples[..., -1].copy())


def _whole(samples: pyvips.Image, image: Image) -> pyvips.Image:
    """Floating-point samples converted to the picture's type, rounded and clipped."""
    return samples.rint().cast("uchar" if image.bit_depth == 8 else "ushort")
