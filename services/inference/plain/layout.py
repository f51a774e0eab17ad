"""Resizing, cropping and padding."""

from __future__ import annotations

import dataclasses

from darkroom.operations.v1.crop_pb2 import Crop
from darkroom.operations.v1.pad_pb2 import Pad
from darkroom.operations.v1.placement_pb2 import (
    FIT_CANVAS,
    FIT_CROP,
    POSITION_SMART,
    Position,
)
from darkroom.operations.v1.resize_pb2 import Resize
from services.inference.media import Image, LazyImage, Picture
from services.inference.media.colour import to_8bit, vips_from_array
from services.inference.media.lazy import without_metadata
from services.inference.media.scaling import scale
from services.inference.plain.canvas import place, prepare_canvas
from services.inference.plain.graph import Work, compute, graph_of, premultiply, straight
from services.inference.plain.places import SHARES
from services.pictures.geometry import Area, Size, cropped_area
from services.pictures.result_size import Fitting, fitting, padding

_SEEN_SIDE = 1024
"""Longest side, in pixels, of the copy in which attention is sought."""
COPIES_OF_RESULT = 3
"""Copies of the result's samples that laying a picture out takes besides the picture itself."""
_LARGEST_COORDINATE = 10_000_000
"""Beyond, libvips may refuse a picture even if it is never computed as a whole."""


def resize_picture(image: Image, parameters: Resize, work: Work) -> Image:
    """The picture in the size that the parameters ask for; the very same where that changes nothing."""
    return fitted_to(image, fitting(parameters, image.width, image.height), parameters, work)


def fitted_to(image: Picture, fit: Fitting, parameters: Resize, work: Work) -> Picture:
    """The picture scaled, and then cropped or placed on a canvas, as the fitting says; the parameters say where, and over which colour."""
    if fit.scaled_size == fit.result == (image.width, image.height):
        return image
    if parameters.fit == FIT_CROP:
        left, top = _offset(image, fit.scaled_size, fit.result, parameters.position)
        if fit.scaled_size == (image.width, image.height):
            return part(image, Area(left, top, *fit.result))
        if max(fit.scaled_size) > _LARGEST_COORDINATE:
            image = part(image, _source_area(image, fit, left, top))
            return compute(straight(scale(premultiply(graph_of(image), image), fit.result), image), image, work)
        graph = scale(premultiply(graph_of(image), image), fit.scaled_size)
        return compute(straight(graph.extract_area(left, top, *fit.result), image), image, work)
    background: list[int] = []
    if parameters.fit == FIT_CANVAS and fit.scaled_size != fit.result:
        image, background = prepare_canvas(image, parameters.background)
    graph = straight(scale(premultiply(graph_of(image), image), fit.scaled_size), image)
    if background:
        at = SHARES.get(parameters.position, (0.5, 0.5))
        left, top = (int((whole - own) * share) for whole, own, share in zip(fit.result, fit.scaled_size, at, strict=True))
        graph = place(graph, left, top, fit.result, background)
    return compute(graph, image, work)


def _source_area(image: Image | LazyImage, fit: Fitting, left: int, top: int) -> Area:
    """The pixels of the picture that become the part which is kept once it is scaled, to whole pixels."""
    own = image.width, image.height
    wide, high = (max(1, round(side * kept / whole)) for side, kept, whole in zip(own, fit.result, fit.scaled_size, strict=True))
    at = (round(over * side / whole) for over, side, whole in zip((left, top), own, fit.scaled_size, strict=True))
    column, row = (min(first, side - size) for first, side, size in zip(at, own, (wide, high), strict=True))
    return Area(column, row, wide, high)


def area_kept(image: Picture, parameters: Resize | Crop) -> Area:
    """The part that a resize with the fit CROP, or a crop, keeps, to whole pixels. Raises FIELD_INVALID as `cropped_area`."""
    if isinstance(parameters, Resize):
        fit = fitting(parameters, image.width, image.height)
        return _source_area(image, fit, *_offset(image, fit.scaled_size, fit.result, parameters.position))
    area = cropped_area(parameters, image.width, image.height)
    if not parameters.aspect_ratio:
        return area
    size = area.width, area.height
    return Area(*_offset(image, (image.width, image.height), size, parameters.position), *size)


def part_to_enlarge(image: Image, size: Size, parameters: Resize) -> Image:
    """The part of this size that a resize with the fit CROP keeps, for enlarging that alone."""
    left, top = _offset(image, (image.width, image.height), size, parameters.position)
    return part(image, Area(left, top, *size))


def crop(image: Picture, parameters: Crop) -> Picture:
    """The part of the picture that the parameters name. Raises FIELD_INVALID as `cropped_area`."""
    return part(image, area_kept(image, parameters))


def pad(image: Picture, parameters: Pad, work: Work) -> Picture:
    """The picture with a border; the very same where that changes nothing. Raises FIELD_INVALID as `padding`."""
    border = padding(parameters, image.width, image.height)
    if border.inner == border.result:
        return image
    image, background = prepare_canvas(image, parameters.color)
    graph = graph_of(image)
    if border.inner != (image.width, image.height):
        graph = straight(scale(premultiply(graph, image), border.inner), image)
    return compute(place(graph, border.left, border.top, border.result, background), image, work)


def part(image: Picture, area: Area) -> Picture:
    """Some rows and columns of a picture."""
    rows, columns = slice(area.top, area.top + area.height), slice(area.left, area.left + area.width)
    if (area.width, area.height) == (image.width, image.height):
        return image
    if isinstance(image, LazyImage):
        cut = image.graph.extract_area(area.left, area.top, area.width, area.height)
        return dataclasses.replace(image, graph=without_metadata(cut))
    return image.replace(
        pixels=image.pixels[rows, columns].copy(), alpha=None if image.alpha is None else image.alpha[rows, columns].copy()
    )


def _offset(image: Image | LazyImage, scaled: Size, kept: Size, position: Position.ValueType) -> tuple[int, int]:
    """Columns to the left and rows above the part that is kept, in the picture once it is scaled."""
    over = scaled[0] - kept[0], scaled[1] - kept[1]
    if position == POSITION_SMART and over != (0, 0):
        assert isinstance(image, Image)
        across, down = _attention(image, kept[0] / scaled[0], kept[1] / scaled[1])
        centre = round(across * scaled[0]) - kept[0] // 2, round(down * scaled[1]) - kept[1] // 2
        left, top = (min(max(0, at), most) for at, most in zip(centre, over, strict=True))
        return left, top
    shares = SHARES.get(position, (0.5, 0.5))
    return int(over[0] * shares[0]), int(over[1] * shares[1])


def _attention(image: Image, wide: float, high: float) -> tuple[float, float]:
    """The point that draws the eye, as shares of width and height, for a window of these shares of the sides."""
    seen = vips_from_array(image.srgb())
    if image.alpha is not None:
        seen = seen.bandjoin(vips_from_array(to_8bit(image.alpha)[..., None])).copy(interpretation="srgb")
    scale = min(1.0, _SEEN_SIDE / max(seen.width, seen.height))
    if scale < 1:
        seen = seen.thumbnail_image(max(1, round(seen.width * scale)), height=max(1, round(seen.height * scale)), size="force")
    width, height = (min(side, max(1, round(side * share))) for side, share in ((seen.width, wide), (seen.height, high)))
    _, found = seen.smartcrop(width, height, interesting="attention", attention_x=True, attention_y=True)
    return found["attention_x"] / seen.width, found["attention_y"] / seen.height
