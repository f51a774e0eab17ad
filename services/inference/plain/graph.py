"""Decoded pictures as libvips images, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyvips

from services.inference.media import Image, LazyImage, Picture
from services.inference.media.bands import split_alpha_into
from services.inference.media.colour import strips, vips_from_array
from services.inference.media.lazy import without_metadata
from services.inference.media.spool import IN_MEMORY_BYTES, Spool


@dataclass(frozen=True, slots=True)
class Work:
    """Where a graph is computed."""

    folder: Path
    """For results that are too large for memory."""
    check: Callable[[], None]
    """Raises to stop the computation."""
    in_memory_bytes: int = IN_MEMORY_BYTES
    """Larger samples are in files."""


def graph_of(image: Image | LazyImage) -> pyvips.Image:
    """Its samples: gray or RGB, and alpha as the last band where there is one."""
    if isinstance(image, LazyImage):
        return image.graph
    picture = vips_from_array(image.pixels)
    if image.alpha is None:
        return picture
    return picture.bandjoin(vips_from_array(image.alpha[..., None])).copy(interpretation=picture.interpretation)


def premultiply(picture: pyvips.Image, image: Image | LazyImage) -> pyvips.Image:
    """With colours weighted by alpha, so that transparent pixels lend none to their surroundings: floats where there is alpha."""
    return picture if image.alpha is None else picture.premultiply(max_alpha=image.maximum)


def straight(picture: pyvips.Image, image: Image | LazyImage) -> pyvips.Image:
    """The reverse of `premultiply`, and without colour where nothing is visible."""
    return picture if image.alpha is None else without_hidden_colour(whole(picture.unpremultiply(max_alpha=image.maximum), image))


def whole(picture: pyvips.Image, image: Image | LazyImage) -> pyvips.Image:
    """Samples of any type as those of the picture, rounded and clipped."""
    kind = "uchar" if image.bit_depth == 8 else "ushort"
    return picture if picture.format == kind else picture.rint().cast(kind)


def without_hidden_colour(picture: pyvips.Image) -> pyvips.Image:
    """No colour where the last band, alpha, is 0."""
    return (picture[picture.bands - 1] == 0).ifthenelse(0, picture)


def compute(picture: pyvips.Image, image: Picture, work: Work) -> Picture:
    """`image` with the samples of a graph, in its sample type: gray or RGB, and perhaps alpha. Raises what `check` raises.

    A `LazyImage` just gets the graph.
    """
    if isinstance(image, LazyImage):
        return dataclasses.replace(image, graph=without_metadata(whole(picture, image)))
    spool = Spool(work.folder, work.in_memory_bytes)
    try:
        samples = spool.compute(_stoppable(whole(picture, image), work.check))
    except pyvips.Error:
        work.check()
        raise
    if picture.bands in (1, 3):
        return dataclasses.replace(image, pixels=samples, alpha=None)
    pixels = spool.empty((picture.height, picture.width, picture.bands - 1), samples.dtype)
    alpha = spool.empty((picture.height, picture.width), samples.dtype)
    for rows in strips(picture.height):
        split_alpha_into(pixels[rows], alpha[rows], samples[rows])
    return dataclasses.replace(image, pixels=pixels, alpha=alpha)


def _stoppable(picture: pyvips.Image, check: Callable[[], None]) -> pyvips.Image:
    """A picture whose computation ends with a `pyvips.Error` soon after `check` raises."""
    watched = picture.copy()
    watched.set_progress(True)

    def look(image: pyvips.Image, _progress: object) -> None:
        try:
            check()
        except Exception:  # noqa: BLE001 - whatever it raises, raised again by who asked for the samples
            image.set_kill(True)

    watched.signal_connect("eval", look)
    return watched
