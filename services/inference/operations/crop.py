"""Cut a part out."""

from __future__ import annotations

from collections.abc import AsyncIterator

from darkroom.operations.v1.crop_pb2 import Crop
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Picture
from services.inference.moving.model import Frame
from services.inference.plain.layout import crop
from services.inference.plain.one_window import cropped_alike, looks_for_window

_COPIES = 3  # of the decoded samples: the picture, its part, and the picture in sRGB to see where the eye goes


def peak_memory(picture: Header, _parameters: Crop) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Picture, parameters: Crop, step: PlainStep) -> Picture:
    """The part of the picture. Raises FIELD_INVALID for one that goes past an edge."""
    step.label("cropped")
    return crop(image, parameters)


def over_frames(frames: AsyncIterator[Frame], parameters: Crop, step: PlainStep, frames_at_once: int) -> AsyncIterator[Frame] | None:
    """The same part of every frame, where it is to draw the eye; None where parameters alone say which."""
    if not looks_for_window(parameters):
        return None
    step.label("cropped")
    return cropped_alike(frames, parameters, step.folder, frames_at_once)
