"""Sharpen."""

from __future__ import annotations

from darkroom.operations.v1.sharpen_pb2 import (
    SHARPEN_METHOD_ADAPTIVE,
    SHARPEN_METHOD_HIGH_PASS,
    SHARPEN_METHOD_UNSHARP_MASK,
    Sharpen,
)
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.graph import Work
from services.inference.plain.sharpening import Adaptive, HighPass, Method, UnsharpMask, sharpened_by

_COPIES = 5  # of the decoded samples: the picture, without noise, and the result, twice with alpha


def peak_memory(picture: Header, _parameters: Sharpen) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Image, parameters: Sharpen, step: PlainStep) -> Image:
    """The picture, sharper."""
    step.label("sharpened")
    return sharpened_by(image, method_of(parameters), parameters.denoise, Work(step.folder, step.check))


def method_of(parameters: Sharpen) -> Method | None:
    """The parameters, with defaults for those that are not given."""
    if parameters.method == SHARPEN_METHOD_ADAPTIVE:
        return Adaptive(**_given(parameters, "sigma", "m1", "m2", "x1", "y2", "y3"))
    if parameters.method == SHARPEN_METHOD_UNSHARP_MASK:
        return UnsharpMask(**_given(parameters, "amount", "radius", "threshold"))
    if parameters.method == SHARPEN_METHOD_HIGH_PASS:
        return HighPass(**_given(parameters, "strength"), kernel_size=parameters.kernel_size or 3)
    return None


def _given(parameters: Sharpen, *names: str) -> dict[str, float]:
    """Those of the parameters that are there."""
    return {field.name: value for field, value in parameters.ListFields() if field.name in names}
