"""Cut uniform edges off."""

from __future__ import annotations

from darkroom.operations.v1.placement_pb2 import FIT_CANVAS
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.trim_edges_pb2 import TrimEdges
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.plain import focus
from services.inference.plain.graph import Work
from services.inference.plain.layout import COPIES_OF_RESULT, part, resize_picture

_COPIES = 5  # of the decoded samples: the picture, its part, the picture in sRGB, and twice that with its alpha
_THRESHOLD = 30


def peak_memory(picture: Header, parameters: TrimEdges) -> int:
    """Bytes at the peak."""
    side = parameters.side or (max(picture.width, picture.height) if parameters.square else 0)
    return copies_of_samples(picture, _COPIES, _COPIES) + side**2 * 8 * COPIES_OF_RESULT


def run(image: Image, parameters: TrimEdges, step: PlainStep) -> Image:
    """The picture within the edges, in a square if one is requested."""
    step.label("trimmed")
    threshold = parameters.threshold if parameters.HasField("threshold") else _THRESHOLD
    kept = part(image, focus.grow_area(image, focus.content(image, threshold), parameters.padding_percent / 100))
    side = parameters.side or (max(kept.width, kept.height) if parameters.square else 0)
    if not side:
        return kept
    step.result_limits.check(side, side, "The result")
    square = Resize(width=side, height=side, fit=FIT_CANVAS, background=parameters.color)
    return resize_picture(kept, square, Work(step.folder, step.check))
