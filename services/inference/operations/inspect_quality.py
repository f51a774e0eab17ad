"""Measure the quality of a picture."""

from __future__ import annotations

import cv2

from darkroom.operations.v1.inspect_quality_pb2 import InspectQuality
from services.inference.contract.flow import Data
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain import faces
from services.inference.plain.measuring import corrections, issues, measure_picture, scores, suggested_mode

_COPIES = 3  # of the decoded samples: the picture, and it in sRGB
_DETECTION = 64 << 20
_SEEN_SIDE = 800
"""Longest side of the copy in which faces are sought: one that makes a portrait is large."""


def peak_memory(picture: Header, _parameters: InspectQuality) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES) + _DETECTION


def run(image: Image, _parameters: InspectQuality, step: PlainStep) -> Data:
    """The scores, and what follows from them."""
    step.label("quality")
    found = measure_picture(image)
    scale = min(1.0, _SEEN_SIDE / max(image.width, image.height))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    people = faces.find(cv2.resize(image.srgb(), size, interpolation=cv2.INTER_AREA))  # type: ignore[arg-type]  # 8 bits, as before
    told = scores(found)
    mode = suggested_mode(found, len(people))
    return Data({"scores": told, "corrections": corrections(told), "issues": list(issues(told)), "suggested_mode": mode})
