"""Lay another picture over a picture."""

from __future__ import annotations

import asyncio

from darkroom.operations.v1.compose_pb2 import Compose
from darkroom.operations.v1.placement_pb2 import FIT_FILL, POSITION_UNSPECIFIED
from darkroom.operations.v1.resize_pb2 import Resize
from services.inference.contract.memory import copies_of_samples
from services.inference.contract.step import Step
from services.inference.media import Header, Image
from services.inference.plain.composing import compose
from services.inference.plain.graph import Work
from services.inference.plain.layout import resize_picture
from services.inference.plain.places import SHARES
from services.platform.errors import DarkroomError, ErrorReason

_COPIES = 5  # of the decoded samples: the picture, the result, and an overlay of its size, scaled


def peak_memory(picture: Header, _parameters: Compose) -> int:
    """Bytes at the peak, except for the original overlay."""
    return copies_of_samples(picture, _COPIES, _COPIES)


async def run(image: Image, parameters: Compose, step: Step) -> Image:
    """The picture with the other over it. Raises FIELD_INVALID for one that must fit and does not, and as `Step.auxiliary`."""
    step.label("composed")
    if not parameters.overlay_file_id:
        message = "overlay_file_id: compose needs an overlay picture."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="overlay_file_id")
    overlay = await step.auxiliary(parameters.overlay_file_id)
    return await asyncio.to_thread(_composed, image, overlay, parameters, Work(step.folder, step.check))


def _composed(image: Image, overlay: Image, parameters: Compose, work: Work) -> Image:
    width, height = overlay.width, overlay.height
    if parameters.scale_percent:
        width = max(1, round(image.width * parameters.scale_percent / 100))
        height = max(1, round(overlay.height * width / overlay.width))
    if parameters.must_fit and (width > image.width or height > image.height):
        message = f"The overlay has {width} × {height} pixels, more than the picture's {image.width} × {image.height}."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="overlay_file_id")
    left, top = _place(image, width, height, parameters)
    if (width, height) != (overlay.width, overlay.height):
        if width > image.width or height > image.height:
            # Overhanging parts would be computed in vain, and might be large.
            overlay, width, height, left, top = _seen(overlay, image, width, height, left, top)
        overlay = resize_picture(overlay, Resize(width=width, height=height, fit=FIT_FILL), work)
    opacity = parameters.opacity / 100 if parameters.HasField("opacity") else 1.0
    work.check()
    return compose(image, overlay, left, top, opacity, parameters.blend_mode)


def _place(image: Image, width: int, height: int, parameters: Compose) -> tuple[int, int]:
    if parameters.position == POSITION_UNSPECIFIED:
        return parameters.left, parameters.top
    across, down = SHARES.get(parameters.position, (0.5, 0.5))
    return _offset(image.width, width, across, parameters.margin), _offset(image.height, height, down, parameters.margin)


def _offset(whole: int, own: int, share: float, margin: int) -> int:
    """Pixels before an overlay; none where it is too large."""
    if share == 0:
        return min(margin, max(0, whole - own))
    return max(0, whole - own - margin) if share == 1 else max(0, (whole - own) // 2)


def _seen(overlay: Image, image: Image, width: int, height: int, left: int, top: int) -> tuple[Image, int, int, int, int]:
    """The part of an overlay that lies on the picture, its size once scaled, and its place."""
    columns, wide, left = _span(overlay.width, width, left, image.width)
    rows, high, top = _span(overlay.height, height, top, image.height)
    alpha = None if overlay.alpha is None else overlay.alpha[rows, columns]
    return overlay.replace(pixels=overlay.pixels[rows, columns], alpha=alpha), wide, high, left, top


def _span(own: int, scaled: int, at: int, whole: int) -> tuple[slice, int, int]:
    scale = scaled / own
    first = max(0, int(-at / scale)) if at < 0 else 0
    last = min(own, int((whole - at) / scale) + 2)
    last = max(last, first + 1)
    return slice(first, last), max(1, round((last - first) * scale)), at + round(first * scale)
