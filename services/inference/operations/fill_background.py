"""Lay what is transparent over a colour."""

from __future__ import annotations

from darkroom.operations.v1.fill_background_pb2 import FillBackground
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.matting.backdrop import over_colour
from services.inference.media import Header, Image
from services.inference.plain.canvas import TRANSPARENT, rgb_of

_COPIES, _COPIES_OF_WIDE = 3, 4
"""Copies of the decoded samples, with 8 and with 16 bits: the picture, in sRGB if it was gray, and the result."""


def peak_memory(picture: Header, _parameters: FillBackground) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES_OF_WIDE)


def run(image: Image, parameters: FillBackground, step: PlainStep) -> Image:
    """The picture over the colour; the very same if nothing shows through it."""
    step.label("filled")
    kept = parameters.unless_input_transparent and step.original is not None and step.original.transparent
    if image.alpha is None or parameters.color == TRANSPARENT or kept:
        return image
    return over_colour(image, *rgb_of(parameters.color))
