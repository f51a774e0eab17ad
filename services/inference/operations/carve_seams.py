"""Change the size by taking out, or putting in, what matters least."""

from __future__ import annotations

from darkroom.operations.v1.carve_seams_pb2 import CarveSeams
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain import faces
from services.inference.plain.carving import Box, Energy, carve_seams
from services.pictures.geometry import carving

_COPIES = 4  # of the decoded samples: the picture, it with alpha in one piece, and in sRGB
_COPIES_OF_RESULT = 3
_WORK = 256 << 20
"""Bytes for seams, the detector of faces, and the rows that are worked on at once."""
_BLUR, _THRESHOLD = 4.0, 2.0


def peak_memory(picture: Header, parameters: CarveSeams) -> int:
    """Bytes at the peak."""
    width, height = carving(parameters, picture.width, picture.height)
    # Between the two sides, the picture has the new width and the old height.
    largest = max(width * height, width * picture.height) * (8 if picture.wide else 4)
    return copies_of_samples(picture, _COPIES, _COPIES) + largest * _COPIES_OF_RESULT + _WORK


def run(image: Image, parameters: CarveSeams, step: PlainStep) -> Image:
    """The picture in its new size."""
    width, height = carving(parameters, image.width, image.height)
    step.result_limits.check(width, height, "The result")
    step.result_limits.check(width, image.height, "The result before its height changes")
    step.label(f"{width}x{height}")
    protected: list[Box] = []
    if parameters.protect_faces:
        step.report(0.0, "Finding faces")
        for face in faces.find(image.srgb()):
            right, bottom = face.left + face.width, face.top + face.height
            protected.append(Box(face.left / image.width, face.top / image.height, right / image.width, bottom / image.height))
    blur = parameters.blur if parameters.HasField("blur") else _BLUR
    threshold = parameters.edge_threshold if parameters.HasField("edge_threshold") else _THRESHOLD
    return carve_seams(image, (width, height), Energy(blur, threshold), protected, step.check, lambda done: step.report(done, "Carving"))
