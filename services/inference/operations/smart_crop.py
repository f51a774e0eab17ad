"""Crop to what the picture shows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

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
from services.inference.moving.looking import SAMPLE, after_looking, middle_area
from services.inference.moving.model import Frame
from services.inference.plain import faces, focus
from services.inference.plain.graph import Work
from services.inference.plain.layout import COPIES_OF_RESULT, part, resize_picture
from services.pictures.geometry import Area

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
    _prepare(parameters, step)
    area, _ = _seen(image, parameters, step)
    return _cropped(image, area, parameters, step)


def over_frames(frames: AsyncIterator[Frame], parameters: SmartCrop, step: PlainStep, frames_at_once: int) -> AsyncIterator[Frame]:
    """The same part of every frame: one that suits those that were looked at, with faces if any of them has some."""
    _prepare(parameters, step)

    def suiting(seen: Sequence[tuple[Area, bool]]) -> Area:
        with_faces = [area for area, has_faces in seen if has_faces]
        return middle_area(with_faces or [area for area, _ in seen])

    return after_looking(
        frames,
        step.folder,
        frames_at_once,
        lambda image: _seen(image, parameters, step),
        suiting,
        lambda image, area: _cropped(image, area, parameters, step),
        sample=SAMPLE,
    )


def _prepare(parameters: SmartCrop, step: PlainStep) -> None:
    step.result_limits.check(parameters.width, parameters.height, "The result")
    step.label(f"{parameters.width}x{parameters.height}")


def _seen(image: Image, parameters: SmartCrop, step: PlainStep) -> tuple[Area, bool]:
    """The part that the picture is cropped to, and whether that is for its faces."""
    size = parameters.width, parameters.height
    found: list[faces.Face] = []
    multiple = _MULTIPLES.get(parameters.faces, 0)
    if multiple:
        sensitivity = parameters.face_sensitivity if parameters.HasField("face_sensitivity") else _SENSITIVITY
        found = list(faces.find(image.srgb(), 1 - sensitivity))
        step.check()
    if found:
        return focus.on_faces(image, size, found, multiple, parameters.padding_percent / 100), True
    return focus.on_subject(image, size, "entropy" if parameters.strategy == CROP_STRATEGY_ENTROPY else "attention"), False


def _cropped(image: Image, area: Area, parameters: SmartCrop, step: PlainStep) -> Image:
    scaling = Resize(width=parameters.width, height=parameters.height, fit=FIT_FILL)
    return resize_picture(part(image, area), scaling, Work(step.folder, step.check))
