"""Which operations of a chain libvips does as one graph, so that no samples are in memory between them, nor before the file is written."""

from __future__ import annotations

from collections.abc import Sequence

from google.protobuf.message import Message

from darkroom.operations.v1.adjust_pb2 import Adjust
from darkroom.operations.v1.color_adjust_pb2 import COLOR_EFFECT_SEPIA, ColorAdjust
from darkroom.operations.v1.convert_pb2 import COLOR_SPACE_UNSPECIFIED, Convert
from darkroom.operations.v1.crop_pb2 import Crop
from darkroom.operations.v1.pad_pb2 import Pad
from darkroom.operations.v1.placement_pb2 import FIT_CANVAS, FIT_CROP, POSITION_SMART
from darkroom.operations.v1.resize_pb2 import Resize
from darkroom.operations.v1.rotate_pb2 import Rotate
from services.inference.media import Image, LazyImage
from services.inference.plain.canvas import TRANSPARENT, can_show, rgb_of
from services.pictures.geometry import Size
from services.pictures.result_size import Fitting, fitting, padding, result_size


def can_join(parameters: Message, image: Image | LazyImage, whole: Size | None, *, changed: bool) -> bool:
    """Whether an operation can be part of the picture's graph, or begin one: it takes the samples of an opaque picture of 8 bits in turn,
    from top to bottom, each once. The others get all samples in memory:

    - Turning and mirroring need the last rows first.
    - Sharpness, saturation, local tones and smart positions see a sample several times, and an enlargement or reduction sees most of them
      with several rows of its result. libvips would make what comes before them again each time. So a change of size begins a graph.
    - A part of a file that has not been read, unless its rest is sound: that must be read, too, to find out whether it is damaged.
    - Transparency, and colours in a gray picture, are made with NumPy.
    - An operation that may leave all samples unchanged, while nothing has `changed` the picture yet: that is found out by comparing them.

    `whole` is as in `PlainStep`.
    """
    if isinstance(parameters, Convert):
        return True
    return image.alpha is None and image.bit_depth == 8 and _can_join(parameters, image, whole, changed=changed)


def first_scaling(operations: Sequence[Message], size: Size) -> Size | None:
    """The size that a picture of this size is scaled to before anything else is done with it, since what comes before its first resize
    may as well come after it; None if it is not, or if all of it must be seen."""
    turned = False
    for parameters in operations:
        match parameters:
            case Convert() if parameters.color_space == COLOR_SPACE_UNSPECIFIED:
                continue
            case Rotate() if parameters.angle % 90 == 0:
                turned = turned != (parameters.angle % 180 == 90)
            case Resize() if parameters.position != POSITION_SMART:
                scaled = fitting(parameters, *(size[::-1] if turned else size)).scaled_size
                return scaled[::-1] if turned else scaled
            case _:
                return None
    return None


def size_after(parameters: Message, whole: Size | None) -> Size | None:
    """`whole`, as in `PlainStep`, for the operation after this one."""
    return None if whole is None or isinstance(parameters, Resize) else result_size(parameters, *whole)


def _can_join(parameters: Message, image: Image | LazyImage, whole: Size | None, *, changed: bool) -> bool:
    match parameters:
        case Resize():
            return _can_resize(parameters, image, fitting(parameters, *(whole or (image.width, image.height))))
        case Crop():
            return not _hides_damage(image) and not (parameters.aspect_ratio and parameters.position == POSITION_SMART)
        case Pad():
            return _can_pad(parameters, image, changed=changed)
        case Adjust():
            return changed and not (parameters.saturation or parameters.sharpness or parameters.hdr)
        case ColorAdjust():
            coloured = parameters.temperature or parameters.tint or parameters.red or parameters.green or parameters.blue
            colours = coloured or parameters.effect == COLOR_EFFECT_SEPIA
            return changed and not parameters.sharpness and not (image.is_gray and colours)
    return False


def _can_resize(parameters: Resize, image: Image | LazyImage, fit: Fitting) -> bool:
    own = image.width, image.height
    if fit.scaled_size != own and isinstance(image, LazyImage):
        return False
    if fit.scaled_size == fit.result == own:
        return True
    if parameters.fit == FIT_CROP:
        return not _hides_damage(image) and parameters.position != POSITION_SMART
    return parameters.fit != FIT_CANVAS or fit.scaled_size == fit.result or _is_shown(parameters.background, image)


def _can_pad(parameters: Pad, image: Image | LazyImage, *, changed: bool) -> bool:
    border = padding(parameters, image.width, image.height)
    scales = border.inner != (image.width, image.height)
    if scales and (isinstance(image, LazyImage) or not changed):
        return False
    return _is_shown(parameters.color, image)


def _is_shown(colour: str, image: Image | LazyImage) -> bool:
    return colour != TRANSPARENT and can_show(image, rgb_of(colour))


def _hides_damage(image: Image | LazyImage) -> bool:
    return isinstance(image, LazyImage) and image.from_file and not image.rest_is_sound
