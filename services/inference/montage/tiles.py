"""Pictures as parts of a larger one: scaled while they are read, cut, and in sRGB of 8 bits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from services.inference.contract.flow import WholeFile
from services.inference.media import Image
from services.inference.media.colour import array_from_vips, contiguous, to_8bit, to_srgb
from services.inference.media.scaling import scale
from services.inference.plain.graph import graph_of, premultiply, straight, whole
from services.pictures.geometry import Size


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of a picture that is shown, and how large."""

    scaled_size: Size
    """The size that the whole picture is scaled to."""
    left: int
    top: int
    width: int
    height: int
    """The part of the scaled picture, within it."""

    @classmethod
    def all_of(cls, size: Size) -> Cut:
        """The whole picture at this size."""
        return cls(size, 0, 0, *size)


def tile(file: WholeFile, cut_of: Callable[[Size], Cut]) -> Image:
    """The part of a picture that `cut_of` its size says. Raises as `WholeFile.image`.

    A large picture is shrunk while it is read, so that memory holds about as many pixels as are shown.
    """
    image, own = file.image(lambda size: cut_of(size).scaled_size)
    cut = cut_of(own)
    graph = graph_of(image)
    if cut.scaled_size != (graph.width, graph.height):
        graph = straight(scale(premultiply(graph, image), cut.scaled_size), image)
    if (cut.width, cut.height) != cut.scaled_size:
        # libvips computes only this part of an enlarged picture.
        graph = graph.extract_area(cut.left, cut.top, cut.width, cut.height)
    samples = array_from_vips(whole(graph, image))
    bands = image.pixels.shape[2]
    pixels = to_srgb(contiguous(samples[..., :bands]), image.icc)
    return Image(pixels, None if image.alpha is None else contiguous(to_8bit(samples[..., bands])))


def side(pixels: float) -> int:
    """A length in whole pixels, a half upwards, at least 1."""
    return max(1, math.floor(pixels + 0.5))
