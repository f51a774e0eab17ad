"""Blurring what is behind a subject."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import pyvips

from services.inference.media import Image
from services.inference.media.colour import strips, vips_from_array
from services.inference.plain.graph import Work, compute
from services.inference.plain.transfer import decoded_graph, encoded_graph

_REDUCED_SIGMA, _REDUCED_RADIUS = 6.0, 10.0
"""Pixels of the reduced copy that is blurred: enough for a smooth shape."""
_FAINT = 1e-3
"""Weight below which a place has no background to take a colour from."""
_STRIP = 256


@dataclass(frozen=True, slots=True)
class Blur:
    """How a background is blurred."""

    share: float
    """Standard deviation, or for a lens the radius of its discs, as a share of the longest side."""
    lens: bool


def with_blurred_background(image: Image, cutout: Image, blur: Blur, work: Work) -> Image:
    """The picture with everything behind its cut-out blurred, in its own size, depth, profile and alpha.

    Pixels that are wholly subject keep their values. The background is blurred by itself, weighted by its share in each pixel, so that the
    subject lends it no colour, and what the subject hides is filled from around it.
    """
    assert cutout.alpha is not None
    alpha, visible = cutout.alpha, image.alpha
    blurred = background_alone(image, cutout, blur, work)
    result = np.empty_like(image.pixels)
    whole = np.uint64(image.maximum)
    for rows in strips(image.height, _STRIP):
        work.check()
        weight = alpha[rows, :, None].astype(np.uint64)
        if visible is not None:
            weight = weight * whole // np.maximum(visible[rows, :, None], 1)
        mixed = (cutout.pixels[rows] * weight + blurred.pixels[rows] * (whole - weight) + whole // 2) // whole
        result[rows] = np.where(weight == whole, image.pixels[rows], mixed.astype(result.dtype))
    return dataclasses.replace(image, pixels=result)


def background_alone(image: Image, cutout: Image, blur: Blur, work: Work) -> Image:
    """The background of a cut-out, blurred, as if there was no subject: opaque, in the picture's own encoding."""
    return compute(_blurred(image, cutout, blur), dataclasses.replace(image, alpha=None), work)


def _blurred(image: Image, cutout: Image, blur: Blur) -> pyvips.Image:
    """The graph of the background alone, as if there was no subject."""
    longest = max(image.width, image.height)
    extent = blur.share * longest
    scale = min(1.0, (_REDUCED_RADIUS if blur.lens else _REDUCED_SIGMA) / extent)
    weight, colours = _background(image, cutout)
    both = ((decoded_graph(colours) if blur.lens else colours) * weight).bandjoin(weight)
    small = both.resize(scale, kernel="linear") if scale < 1 else both
    small = _spread(small, extent * scale, blur.lens).copy_memory()
    enlarged = small.resize(image.width / small.width, vscale=image.height / small.height, kernel="cubic") if scale < 1 else small
    below = enlarged[enlarged.bands - 1]
    light = enlarged[: enlarged.bands - 1] / (below > _FAINT).ifthenelse(below, 1)
    light = (light > 0).ifthenelse(light, 0)
    return (encoded_graph(light) if blur.lens else light) * image.maximum


def _background(image: Image, cutout: Image) -> tuple[pyvips.Image, pyvips.Image]:
    """The background's share in each pixel, and its colour there, 0 to 1: what is left of the pixel without the subject."""
    assert cutout.alpha is not None
    subject = vips_from_array(cutout.alpha[..., None]) / image.maximum
    colours = vips_from_array(image.pixels) / image.maximum
    visible = 1 if image.alpha is None else vips_from_array(image.alpha[..., None]) / image.maximum
    weight = subject * -1 + visible
    left = colours * visible - vips_from_array(cutout.pixels) / image.maximum * subject
    alone = left / (weight > _FAINT).ifthenelse(weight, 1)
    alone = (alone > 0).ifthenelse(alone, 0)
    return weight, (alone > 1).ifthenelse(1, alone)


def _spread(picture: pyvips.Image, extent: float, lens: bool) -> pyvips.Image:
    if lens:
        return picture.conv(_disc(extent), precision="float")
    return picture.gaussblur(max(0.5, extent), precision="float", min_ampl=0.02)


def _disc(radius: float) -> pyvips.Image:
    """A disc with a soft edge, of sum 1."""
    reach = max(1, math.ceil(radius))
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius + 0.5 - np.hypot(rows, columns), 0, 1)
    return pyvips.Image.new_from_array(disc.tolist(), scale=float(disc.sum()))
