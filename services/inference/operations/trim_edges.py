"""Cut uniform edges off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from darkroom.operations.v1.placement_pb2 import FIT_CANVAS
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.trim_edges_pb2 import TrimEdges
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.moving.looking import after_looking, area_around
from services.inference.moving.model import Frame
from services.inference.plain import focus
from services.inference.plain.graph import Work
from services.inference.plain.layout import COPIES_OF_RESULT, part, resize_picture
from services.pictures.geometry import Area

_COPIES = 5  # of the decoded samples: the picture, its part, the picture in sRGB, and twice that with its alpha
_THRESHOLD = 30


def peak_memory(picture: Header, parameters: TrimEdges) -> int:
    """Bytes at the peak."""
    side = parameters.side or (max(picture.width, picture.height) if parameters.square else 0)
    return copies_of_samples(picture, _COPIES, _COPIES) + side**2 * 8 * COPIES_OF_RESULT


def run(image: Image, parameters: TrimEdges, step: PlainStep) -> Image:
    """The picture within the edges, in a square if one is requested."""
    step.label("trimmed")
    return _kept(image, _content(image, parameters), parameters, step)


def over_frames(frames: AsyncIterator[Frame], parameters: TrimEdges, step: PlainStep, frames_at_once: int) -> AsyncIterator[Frame]:
    """Every frame within the edges that all have: nothing of any of them is cut off."""
    step.label("trimmed")

    def around(areas: Sequence[Area | None]) -> Area | None:
        found = [area for area in areas if area is not None]
        return area_around(found) if found else None

    return after_looking(
        frames,
        step.folder,
        frames_at_once,
        lambda image: _content(image, parameters),
        around,
        lambda image, area: _kept(image, area, parameters, step),
    )


def _content(image: Image, parameters: TrimEdges) -> Area | None:
    """The part that is no edge; None if nothing is."""
    return focus.content(image, parameters.threshold if parameters.HasField("threshold") else _THRESHOLD)


def _kept(image: Image, area: Area | None, parameters: TrimEdges, step: PlainStep) -> Image:
    within = area or Area(0, 0, image.width, image.height)
    kept = part(image, focus.grow_area(image, within, parameters.padding_percent / 100))
    side = parameters.side or (max(kept.width, kept.height) if parameters.square else 0)
    if not side:
        return kept
    step.result_limits.check(side, side, "The result")
    square = Resize(width=side, height=side, fit=FIT_CANVAS, background=parameters.color)
    return resize_picture(kept, square, Work(step.folder, step.check))
