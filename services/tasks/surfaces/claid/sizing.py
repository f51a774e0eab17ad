"""The size of a result: `resizing`, `padding`, `restorations.upscale` and clipping together.

`resizing` says how large the result is, with its padding: the picture is brought into what the padding leaves. Without a size, padding is
added around the picture, and only the fit `canvas` keeps the size, so that the picture shrinks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from darkroom.operations.v1 import pad_pb2, placement_pb2, resize_pb2, upscale_pb2
from services.tasks.surfaces.claid.kinds import TRANSPARENT, Padding, Percent
from services.tasks.surfaces.claid.operation_models import Operations, PhotoUpscale, Resizing

FITS: Mapping[str, placement_pb2.Fit.ValueType] = {
    "crop": placement_pb2.FIT_CROP,
    "cover": placement_pb2.FIT_COVER,
    "bounds": placement_pb2.FIT_BOUNDS,
    "canvas": placement_pb2.FIT_CANVAS,
}
ENHANCEMENTS: Mapping[str, Sequence[upscale_pb2.Enhancement.ValueType]] = {
    "smart_enhance": (upscale_pb2.ENHANCEMENT_QUALITY,),
    "smart_resize": (),
    "faces": (upscale_pb2.ENHANCEMENT_FACE,),
    "digital_art": (upscale_pb2.ENHANCEMENT_QUALITY,),
    "photo": (),
}
_STRONGER = "3"


@dataclass(frozen=True, slots=True)
class Sizing:
    """The operations that change the size of a picture."""

    resize: resize_pb2.Resize | None
    upscale: upscale_pb2.Upscale | None
    """Does the resize too, if there is one."""
    pad: pad_pb2.Pad | None
    leaves_room: bool
    """Whether the result has room around the picture."""


def sizing(operations: Operations) -> Sizing:
    """How the picture gets its size."""
    resizing, padding = operations.resizing, operations.padding
    clipped = operations.background.remove is not None and operations.background.remove.clipping
    resize = _resize(resizing, clipped)
    canvas = resizing.fit.type == "canvas"
    pad = None
    if padding is not None:
        pad = _inside(resize, padding) if resize is not None and resize.width and resize.height else None
        pad = pad or _around(padding, keep_size=resize is not None or canvas)
    wanted = operations.restorations.upscale
    upscale = _upscale(wanted, resize) if wanted is not None else None
    return Sizing(resize, upscale, pad, leaves_room=pad is not None or (canvas and resize is not None))


def _resize(resizing: Resizing, clipped: bool) -> resize_pb2.Resize | None:
    width, height, fit = resizing.width, resizing.height, resizing.fit
    if width is None and height is None:
        if not clipped or fit.type != "crop":
            return None
        # The object is scaled back to the size of the source, which it fits into as a whole.
        return resize_pb2.Resize(width_percent=100, height_percent=100, percent_of_input=True, fit=placement_pb2.FIT_BOUNDS)
    resize = resize_pb2.Resize(fit=FITS[fit.type])
    if fit.crop == "smart":
        resize.position = placement_pb2.POSITION_SMART
    if fit.type == "canvas":
        resize.background = TRANSPARENT
    share = next((side for side in (width, height) if isinstance(side, Percent)), None)
    if share is not None:
        resize.width_percent = resize.height_percent = share.value
        resize.percent_of_input = clipped
        return resize
    resize.width, resize.height = _pixels(width), _pixels(height)
    if not (resize.width and resize.height) and "fit" not in resizing.model_fields_set:
        # As in Claid's examples, where a width alone keeps the ratio. A crop that is asked for cuts, and does not change the other side.
        resize.fit = placement_pb2.FIT_BOUNDS
    return resize


def _pixels(side: int | Percent | None) -> int:
    return side if isinstance(side, int) else 0


def _inside(resize: resize_pb2.Resize, padding: Padding) -> pad_pb2.Pad:
    """The border, in pixels, of a box that is known; the resize is left with what is inside it."""
    horizontal, vertical = _border(resize.width, padding.horizontal), _border(resize.height, padding.vertical)
    resize.width -= 2 * horizontal
    resize.height -= 2 * vertical
    return pad_pb2.Pad(horizontal=horizontal, vertical=vertical)


def _border(side: int, percent: float) -> int:
    """At least a pixel of the picture is left between the borders."""
    return min(round(side * percent / 100), (side - 1) // 2)


def _around(padding: Padding, *, keep_size: bool) -> pad_pb2.Pad:
    return pad_pb2.Pad(horizontal_percent=padding.horizontal, vertical_percent=padding.vertical, keep_size=keep_size)


def _upscale(wanted: PhotoUpscale, resize: resize_pb2.Resize | None) -> upscale_pb2.Upscale:
    enhancements = [upscale_pb2.ENHANCEMENT_QUALITY] if wanted.version == _STRONGER else ENHANCEMENTS[wanted.type]
    return upscale_pb2.Upscale(enhancements=enhancements, resize=resize or resize_pb2.Resize())
