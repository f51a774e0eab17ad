"""Find the main colours of a picture."""

from __future__ import annotations

from darkroom.operations.v1.inspect_palette_pb2 import InspectPalette
from services.inference.contract.flow import Data
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.palette import main_colours

_COPIES = 3  # of the decoded samples: the picture, and it in sRGB
_USUAL = 8


def peak_memory(picture: Header, _parameters: InspectPalette) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Image, parameters: InspectPalette, step: PlainStep) -> Data:
    """The colours."""
    step.label("palette")
    colours = main_colours(image, parameters.colors or _USUAL)
    return Data({"colors": colours, "count": len(colours)})
