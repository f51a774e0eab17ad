"""Clean up."""

from __future__ import annotations

from darkroom.operations.v1.polish_pb2 import Polish
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain.graph import Work
from services.inference.plain.polishing import polish

_COPIES = 4  # of the decoded samples: the picture, and the result, twice with alpha


def peak_memory(picture: Header, _parameters: Polish) -> int:
    """Bytes at the peak."""
    return copies_of_samples(picture, _COPIES, _COPIES)


def run(image: Image, _parameters: Polish, step: PlainStep) -> Image:
    """The picture, cleaned up."""
    step.label("polished")
    return polish(image, Work(step.folder, step.check))
