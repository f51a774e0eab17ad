"""Cut a part out."""

from __future__ import annotations

from darkroom.operations.v1.crop_pb2 import Crop
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Picture
from services.inference.plain.layout import crop

_COPIES = 3  # of the decoded samples: the picture, its part, and the picture in sRGB to see where the eye goes


def peak_memory(picture: Header, _parameters: Crop) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Picture, parameters: Crop, step: PlainStep) -> Picture:
    """The part of the picture. Raises FIELD_INVALID for one that goes past an edge."""
    step.label("cropped")
    return crop(image, parameters)
