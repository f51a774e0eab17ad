"""Adjust light and colours as web browsers do."""

from __future__ import annotations

from darkroom.operations.v1.color_adjust_pb2 import ColorAdjust
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Picture
from services.inference.plain.colour_filters import Filters, apply_filter
from services.inference.plain.graph import Work

_COPIES = 5  # of the decoded samples: the picture, in colour if it was gray, and the result, twice with alpha


def peak_memory(picture: Header, _parameters: ColorAdjust) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Picture, parameters: ColorAdjust, step: PlainStep) -> Picture:
    """The picture with other light and colours."""
    step.label("adjusted")
    by = Filters(
        brightness=parameters.brightness,
        contrast=parameters.contrast,
        exposure=parameters.exposure,
        saturation=parameters.saturation,
        temperature=parameters.temperature,
        tint=parameters.tint,
        hue=parameters.hue,
        sharpness=parameters.sharpness,
        channels=(parameters.red, parameters.green, parameters.blue),
        effect=parameters.effect,
    )
    return apply_filter(image, by, Work(step.folder, step.check))
