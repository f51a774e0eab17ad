"""Correct what a picture lacks."""

from __future__ import annotations

from darkroom.operations.v1.enhance_picture_pb2 import Correction, EnhanceMode, EnhancePicture
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.enhancing import MODES, enhance, plan_corrections
from services.inference.plain.measuring import measure_picture

_COPIES = 4  # of the decoded samples: the picture, it in sRGB, and the result
_STRIP = 320 * 16 * 8
"""Bytes a column, of the rows that are worked on at once."""
_INTENSITY = 50.0


def peak_memory(picture: Header, _parameters: EnhancePicture) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES) + picture.width * _STRIP


def run(image: Image, parameters: EnhancePicture, step: PlainStep) -> Image:
    """The corrected picture."""
    step.label("enhanced")
    intensity = parameters.intensity if parameters.HasField("intensity") else _INTENSITY
    mode = EnhanceMode.Name(parameters.mode).removeprefix("ENHANCE_MODE_").lower()
    without = {Correction.Name(each).removeprefix("CORRECTION_").lower() for each in parameters.without}
    plan = plan_corrections(measure_picture(image), mode if mode in MODES else "auto", intensity / 100, without)
    return enhance(image, plan, step.check, lambda done: step.report(done, "Correcting"))
