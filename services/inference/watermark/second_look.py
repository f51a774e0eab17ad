"""Whether a mark is gone where pixels were changed: its edges along their outline, and the text that was read there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.ocr.detection import Line
from services.inference.watermark.box import Box
from services.inference.watermark.lettering import bounds
from services.inference.watermark.line_paint import REPEATED, alike_lines
from services.inference.watermark.marks import DetectedMark
from services.inference.watermark.strokes import Mask, Pixels8, thicken, thin
from services.inference.watermark.text_lines import text_mask

_GONE = 0.2
"""Share of a mark's contrast below which it is gone. Texture and JPEG leave some."""
_FAINTEST = 2.0  # levels
_RING = 3  # pixels
_NEARBY = 15
_CORE, _EVEN = 30, 5  # pixels; levels
_PIECE, _NEAR = 0.03, 0.6  # of a mark's area; of a line's height, beyond its own margin


def is_gone(before: Pixels8, after: Pixels8, box: Box) -> bool:
    """Whether what was changed in a box of an sRGB picture has lost most of its contrast to what is around it."""
    around = box.grown(_RING + 1, before.shape[1], before.shape[0]).window
    return abs(contrast_left(before[around], after[around], (before[around] != after[around]).any(axis=2))) <= _GONE


def contrast_left(before: Pixels8, after: Pixels8, changed: Mask) -> float:
    """The share of the contrast between a mark and what is around it that is still there: 0 if it is gone, below 0 if it has turned round.

    It is the same all along a mark's outline, unlike the picture's: so it is the median of what one side has more than the other.
    """
    inside, outside = changed & thicken(~changed, _RING), ~changed & thicken(changed, _RING)
    if not inside.any():
        return 0.0
    was, now = (_steps(pixels, inside, outside) for pixels in (before, after))
    usual = np.median(was, axis=0)
    strength = float(usual @ usual)
    return float(np.median(now @ usual)) / strength if strength > _FAINTEST**2 else 0.0


def without_specks(mark: DetectedMark, lines: Sequence[Line], part: Box) -> DetectedMark:
    """The mark without pieces that lie apart from the rest of it, which are more often the picture's: small ones or, where `lines` of
    text were read in a part of the picture, those that are farther away than an emblem would be. A word that repeats may be anywhere."""
    if mark.strokes is None or len(alike_lines(lines)) > REPEATED:
        return mark
    near = np.ones(mark.strokes.shape, np.bool_)
    if lines:
        wide = [replace(line, length=line.length + 2 * _NEAR * line.height, height=(1 + 2 * _NEAR) * line.height) for line in lines]
        near = text_mask(wide, (part.height, part.width))[mark.box.within(part).window]
    labels = cv2.connectedComponents(thicken(mark.strokes, _RING).astype(np.uint8))[1]
    size = int(labels.max()) + 1
    area, close = np.bincount(labels[mark.strokes], minlength=size), np.bincount(labels[mark.strokes & near], minlength=size)
    kept = close > 0 if lines else area >= _PIECE * mark.strokes.sum()
    strokes = mark.strokes & kept[labels]
    if not strokes.any():
        return mark
    overlay = None if mark.overlay is None else replace(mark.overlay, cover=mark.overlay.cover * strokes)
    return replace(mark, strokes=strokes, overlay=overlay)


def whole_pieces(mark: DetectedMark, pixels: Pixels8, region: Mask) -> DetectedMark:
    """The opaque mark with what adjoins it in exactly its colour in `region` of an sRGB crop, unless that is more than the mark itself."""
    if mark.strokes is None or mark.overlay is not None:
        return mark
    strokes = np.zeros_like(region)
    strokes[mark.box.window] = mark.strokes
    paint = pixels[thin(strokes, 2)].astype(np.int16)
    if len(paint) < _CORE:
        return mark
    colour = np.median(paint, axis=0)
    if np.median(np.abs(paint - colour).max(axis=1)) > _EVEN:
        return mark
    alike = (np.abs(pixels - colour).max(axis=2) <= 3 * _EVEN) & region
    labels = cv2.connectedComponents(alike.astype(np.uint8))[1]
    whole = strokes | (alike & np.isin(labels, np.unique(labels[strokes & alike])))
    if whole.sum() > 2 * strokes.sum():
        return mark
    box = bounds(whole).grown(_RING + 1, region.shape[1], region.shape[0]).common(bounds(region))
    return replace(mark, box=box, strokes=whole[box.window])


def _steps(pixels: Pixels8, inside: Mask, outside: Mask) -> npt.NDArray[np.float32]:
    """The differences between the pixels on one side of an outline and those nearby on the other, [N, channels]."""
    one, other = _local_mean(pixels, inside), _local_mean(pixels, outside)
    return one[inside] - other[inside]


def _local_mean(pixels: Pixels8, where: Mask) -> npt.NDArray[np.float32]:
    size, weight = (_NEARBY, _NEARBY), where.astype(np.float32)
    total = cv2.blur(pixels * weight[..., np.newaxis], size).reshape(pixels.shape)
    return np.asarray(total / np.maximum(cv2.blur(weight, size), 1e-6)[..., np.newaxis], np.float32)
