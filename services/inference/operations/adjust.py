"""Adjust light, colour and sharpness."""

from __future__ import annotations

from darkroom.operations.v1.adjust_pb2 import Adjust
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Picture
from services.inference.plain.graph import Work
from services.inference.plain.light import Adjustment, adjust

_COPIES = 4  # of the decoded samples: the picture, and the result, twice with alpha


def peak_memory(picture: Header, _parameters: Adjust) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Picture, parameters: Adjust, step: PlainStep) -> Picture:
    """The picture with other light and colours."""
    step.label("adjusted")
    by = Adjustment(
        exposure=parameters.exposure,
        contrast=parameters.contrast,
        saturation=parameters.saturation,
        sharpness=parameters.sharpness,
        hdr=parameters.hdr,
        stitching=parameters.hdr_stitching,
    )
    return adjust(image, by, Work(step.folder, step.check))
