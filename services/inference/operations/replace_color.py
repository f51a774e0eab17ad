"""Replace a colour by another, or by transparency."""

from __future__ import annotations

from darkroom.operations.v1.replace_color_pb2 import ReplaceColor
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.replacing import replaced

_COPIES = 6
"""Copies of the decoded samples: the picture, in sRGB, shares of four bytes a pixel, and the result."""


def peak_memory(picture: Header, _parameters: ReplaceColor) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Image, parameters: ReplaceColor, step: PlainStep) -> Image:
    """The picture with the colour replaced."""
    step.label("recoloured")
    return replaced(image, parameters.color, parameters.replacement, parameters.tolerance)
