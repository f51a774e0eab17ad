"""Crop to what the picture shows."""

from __future__ import annotations

from collections.abc import Mapping

from darkroom.operations.v1.placement_pb2 import FIT_FILL
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.smart_crop_pb2 import (
    CROP_STRATEGY_ENTROPY,
    FACE_FRAME_CLOSE_UP,
    FACE_FRAME_HALF_BODY,
    FACE_FRAME_HEAD_AND_SHOULDERS,
    FACE_FRAME_UPPER_BODY,
    FaceFrame,
    SmartCrop,
)
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain import faces, focus
from services.inference.plain.graph import Work
from services.inference.plain.layout import COPIES_OF_RESULT, part, resize_picture

_COPIES = 3  # of the decoded samples: the picture, its part, and the picture in sRGB to see what it shows
_DETECTION = 128 << 20
"""Bytes that the detector of faces takes."""
_MULTIPLES: Mapping[FaceFrame.ValueType, float] = {
    FACE_FRAME_CLOSE_UP: 1.8,
    FACE_FRAME_HEAD_AND_SHOULDERS: 2.8,
    FACE_FRAME_UPPER_BODY: 4.5,
    FACE_FRAME_HALF_BODY: 7.0,
}
"""How many times as high as a face a part is."""
_SENSITIVITY = 0.5


def peak_memory(picture: Header, parameters: SmartCrop) -> int:
    """Bytes at the peak."""
    result = parameters.width * parameters.height * 8 * COPIES_OF_RESULT
    return copies_of_samples(picture, _COPIES, _COPIES) + result + (_DETECTION if parameters.faces else 0)


def run(image: Image, parameters: SmartCrop, step: PlainStep) -> Image:
    """The part of the picture, in the size that is asked for."""
    size = parameters.width, parameters.height
    step.result_limits.check(*size, "The result")
    step.label(f"{size[0]}x{size[1]}")
    found: list[faces.Face] = []
    multiple = _MULTIPLES.get(parameters.faces, 0)
    if multiple:
        sensitivity = parameters.face_sensitivity if parameters.HasField("face_sensitivity") else _SENSITIVITY
        found = list(faces.find(image.srgb(), 1 - sensitivity))
        step.check()
    if found:
        area = focus.on_faces(image, size, found, multiple, parameters.padding_percent / 100)
    else:
        area = focus.on_subject(image, size, "entropy" if parameters.strategy == CROP_STRATEGY_ENTROPY else "attention")
    return resize_picture(part(image, area), Resize(width=size[0], height=size[1], fit=FIT_FILL), Work(step.folder, step.check))
