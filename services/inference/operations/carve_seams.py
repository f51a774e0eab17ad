"""Change the size by taking out, or putting in, what matters least."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from darkroom.operations.v1.carve_seams_pb2 import CarveSeams
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.moving.looking import SAMPLE, after_looking
from services.inference.moving.model import Frame
from services.inference.plain import faces
from services.inference.plain.carving import Box, Carving, Energy, Seen, carve, look, plan_seams, together
from services.pictures.geometry import Size, carving

_COPIES = 4  # of the decoded samples: the picture, it with alpha in one piece, and in sRGB
_COPIES_OF_RESULT = 3
_WORK = 192 << 20
"""Bytes for seams, the detector of faces, the rows that are worked on at once, and copies of the frames that are looked at."""
_BLUR, _THRESHOLD = 4.0, 2.0


def peak_memory(picture: Header, parameters: CarveSeams) -> int:
    """Bytes at the peak."""
    width, height = carving(parameters, picture.width, picture.height)
    # Between the two sides, the picture has the new width and the old height.
    largest = max(width * height, width * picture.height) * (8 if picture.wide else 4)
    return copies_of_samples(picture, _COPIES, _COPIES) + largest * _COPIES_OF_RESULT + _WORK


def run(image: Image, parameters: CarveSeams, step: PlainStep) -> Image:
    """The picture in its new size."""
    size = _size((image.width, image.height), parameters, step)
    seen = _seen(image, parameters, step)
    return carve(image, plan_seams(seen, size, step.check, lambda done: step.report(done, "Carving")), step.check)


def over_frames(frames: AsyncIterator[Frame], parameters: CarveSeams, step: PlainStep, frames_at_once: int) -> AsyncIterator[Frame]:
    """The same seams in every frame, where little is lost in any of those that were looked at."""

    def planned(seen: Sequence[Seen]) -> Sequence[Carving]:
        joined = together(seen)
        return plan_seams(joined, _size(joined.own, parameters, step), step.check, lambda _done: None)

    return after_looking(
        frames,
        step.folder,
        frames_at_once,
        lambda image: _seen(image, parameters, step),
        planned,
        lambda image, carvings: carve(image, carvings, step.check),
        sample=SAMPLE // 2,
    )


def _size(own: Size, parameters: CarveSeams, step: PlainStep) -> Size:
    """The new size. Raises MEDIA_LIMIT_EXCEEDED."""
    width, height = carving(parameters, *own)
    step.result_limits.check(width, height, "The result")
    step.result_limits.check(width, own[1], "The result before its height changes")
    step.label(f"{width}x{height}")
    return width, height


def _seen(image: Image, parameters: CarveSeams, step: PlainStep) -> Seen:
    protected: list[Box] = []
    if parameters.protect_faces:
        step.report(0.0, "Finding faces")
        for face in faces.find(image.srgb()):
            right, bottom = face.left + face.width, face.top + face.height
            protected.append(Box(face.left / image.width, face.top / image.height, right / image.width, bottom / image.height))
    blur = parameters.blur if parameters.HasField("blur") else _BLUR
    threshold = parameters.edge_threshold if parameters.HasField("edge_threshold") else _THRESHOLD
    return look(image, Energy(blur, threshold), protected)
