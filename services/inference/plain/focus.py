"""Cropping to what a picture shows: its subject, its faces, or all but its empty edges."""

from __future__ import annotations

from collections.abc import Sequence

import pyvips

from services.inference.media import Image
from services.inference.media.colour import to_8bit, vips_from_array
from services.inference.plain.faces import Face
from services.pictures.geometry import Area, Size

_SEEN_SIDE = 1024
"""Longest side, in pixels, of the copy in which the subject is sought."""
_ALSO = 0.5
"""A share of the largest face's height: smaller faces are taken for passers-by."""
_EYES = 0.42
"""Where on a crop around a face its middle is, as a share of the height, at the widest view; 0.5 at the closest."""
_CLOSEST, _WIDEST = 1.8, 7.0


def window(image: Image, size: Size) -> Size:
    """The largest part of the picture that has the ratio of a size."""
    scale = min(image.width / size[0], image.height / size[1])
    return max(1, min(image.width, round(size[0] * scale))), max(1, min(image.height, round(size[1] * scale)))


def on_subject(image: Image, size: Size, strategy: str) -> Area:
    """The part with the ratio of a size that draws the eye (`attention`), or holds the most information (`entropy`), as libvips sees it."""
    wide, high = window(image, size)
    if (wide, high) == (image.width, image.height):
        return Area(0, 0, wide, high)
    seen = vips_from_array(image.srgb())
    if image.alpha is not None:
        seen = seen.bandjoin(vips_from_array(to_8bit(image.alpha)[..., None])).copy(interpretation="srgb")
    scale = min(1.0, _SEEN_SIDE / max(seen.width, seen.height))
    if scale < 1:
        seen = seen.thumbnail_image(max(1, round(seen.width * scale)), height=max(1, round(seen.height * scale)), size="force")
    across, down = seen.width / image.width, seen.height / image.height
    kept = min(seen.width, max(1, round(wide * across))), min(seen.height, max(1, round(high * down)))
    crop = seen.smartcrop(*kept, interesting=strategy)
    # libvips gives the origin of a part by its offsets, which are negative.
    return _within(image, -crop.xoffset / across, -crop.yoffset / down, (wide, high))


def on_faces(image: Image, size: Size, faces: Sequence[Face], multiple: float, padding: float) -> Area:
    """The part with the ratio of a size around the faces, `multiple` times as high as the largest. All that are about as large are shown.

    `padding` is more room on each side, as a share of the part.
    """
    largest = max(face.height for face in faces)
    shown = [face for face in faces if face.height >= largest * _ALSO]
    left, right = min(face.left for face in shown), max(face.left + face.width for face in shown)
    top, bottom = min(face.top for face in shown), max(face.top + face.height for face in shown)
    ratio = size[0] / size[1]
    around = (multiple - 1) * largest
    high = max(multiple * largest, bottom - top + around, (right - left + around) / ratio if len(shown) > 1 else (right - left) / ratio)
    high *= 1 + 2 * padding
    most = window(image, size)
    high = min(high, most[1])
    part = max(1, min(most[0], round(high * ratio))), max(1, round(high))
    level = 0.5 + (_EYES - 0.5) * (min(max(multiple, _CLOSEST), _WIDEST) - _CLOSEST) / (_WIDEST - _CLOSEST)
    return _within(image, (left + right) / 2 - part[0] / 2, (top + bottom) / 2 - part[1] * level, part)


def content(image: Image, threshold: int) -> Area | None:
    """The part without edges that are like the upper left corner, as `find_trim` of libvips finds it; None if there is nothing else.

    Samples count as edge up to `threshold` from the corner's, in 8 bits, once single pixels that differ are left out.
    """
    seen = vips_from_array(image.srgb())
    if image.alpha is not None:
        alpha = vips_from_array(to_8bit(image.alpha)[..., None])
        if not alpha(0, 0)[0]:
            # Invisible pixels have no colour: the edge is where anything is visible.
            seen = alpha.copy(interpretation="b-w")
        else:
            seen = seen.bandjoin(alpha).copy(interpretation="srgb").flatten(background=seen(0, 0))
    left, top, width, height = _trimmed(seen, threshold)
    return Area(left, top, width, height) if width and height else None


def _trimmed(seen: pyvips.Image, threshold: int) -> tuple[int, int, int, int]:
    # Its median needs three pixels a side.
    return tuple(seen.find_trim(threshold=threshold, background=seen(0, 0), line_art=min(seen.width, seen.height) < 3))


def grow_area(image: Image, area: Area, padding: float) -> Area:
    """An area with more of the picture on each side, by a share of its own sides."""
    wide, high = round(area.width * padding), round(area.height * padding)
    left, top = max(0, area.left - wide), max(0, area.top - high)
    right, bottom = min(image.width, area.left + area.width + wide), min(image.height, area.top + area.height + high)
    return Area(left, top, right - left, bottom - top)


def _within(image: Image, left: float, top: float, size: Size) -> Area:
    most = image.width - size[0], image.height - size[1]
    column, row = (min(max(0, round(at)), last) for at, last in zip((left, top), most, strict=True))
    return Area(column, row, *size)
