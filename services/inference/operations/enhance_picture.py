"""Correct what a picture lacks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from darkroom.operations.v1.enhance_picture_pb2 import Correction, EnhanceMode, EnhancePicture
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.moving.looking import SAMPLE, after_looking
from services.inference.moving.model import Frame
from services.inference.plain.enhancing import MODES, Plan, enhance, plan_corrections
from services.inference.plain.measuring import Measures, mean_of, measure_picture

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
    return _enhanced(image, _planned(measure_picture(image), parameters), step)


def over_frames(frames: AsyncIterator[Frame], parameters: EnhancePicture, step: PlainStep, frames_at_once: int) -> AsyncIterator[Frame]:
    """Every frame corrected alike, by what they lack on average: their own corrections would flicker."""
    step.label("enhanced")

    def planned(seen: Sequence[Measures]) -> Plan:
        return _planned(mean_of(seen), parameters)

    return after_looking(
        frames, step.folder, frames_at_once, measure_picture, planned, lambda image, plan: _enhanced(image, plan, step), sample=SAMPLE
    )


def _planned(found: Measures, parameters: EnhancePicture) -> Plan:
    intensity = parameters.intensity if parameters.HasField("intensity") else _INTENSITY
    mode = EnhanceMode.Name(parameters.mode).removeprefix("ENHANCE_MODE_").lower()
    without = {Correction.Name(each).removeprefix("CORRECTION_").lower() for each in parameters.without}
    return plan_corrections(found, mode if mode in MODES else "auto", intensity / 100, without)


def _enhanced(image: Image, plan: Plan, step: PlainStep) -> Image:
    return enhance(image, plan, step.check, lambda done: step.report(done, "Correcting"))
