"""Enhance light, colours and detail by what is measured."""

from __future__ import annotations

from darkroom.operations.v1.enhance_pb2 import Enhance
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.enhancing import called_for, chosen, corrected
from services.inference.plain.quality import measured

_COPIES = 4  # of the decoded samples: the picture, in sRGB, the result, and strips
_USUAL = 50.0


def peak_memory(picture: Header, _parameters: Enhance) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Image, parameters: Enhance, step: PlainStep) -> Image:
    """The picture, enhanced."""
    step.label("enhanced")
    intensity = parameters.intensity if parameters.HasField("intensity") else _USUAL
    found = measured(image)
    step.check()
    return corrected(image, found, chosen(called_for(found, parameters.mode).scaled(intensity / _USUAL), parameters))
