"""Regions inside a subject to which the model gives an even opacity below full, although nothing shows through them."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.matting.blocks import Block, grown, within

Floats = npt.NDArray[np.float32]
Pixels8 = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]

_LEAST, _SOLID = 0.6, 0.97  # opacity of a plateau
_MEAN = 0.7  # its mean: of what is less opaque the model is as likely to be wrong as right
_EVEN = 0.25  # difference of opacity within a window
_WINDOW = 9  # pixels, of this difference
_NARROWEST = 15  # pixels: an outline or a hair is no plateau
_SMALLEST = 2e-3  # of the picture
_SHELL = 33, 37  # pixels: windows that reach so far beyond a plateau that an outline has ended there
_FADING = 0.05, 0.5  # opacity of pixels between subject and background
_MOST_FADING = 0.3  # of what is there: smoke and hair end slowly
_BINS = 16  # of each channel
_RARE = 1e-3  # share that colours have which are in neither
_ALIKE = 0.6  # probability that a plateau's colours are those of the subject, not of the background
_TEXTURED, _SMOOTH = 2.0, 0.35  # texture of a plateau relative to the background's from which, and up to which, it hides that
_FLAT = 1.5  # of 255: texture of camera noise
_TEXTURE = 3.0  # pixels: the size of what counts as texture
_TEXTURE_REACH = 26  # pixels that it depends on
_NEAR = 129  # pixels around a plateau whose colours and texture it is compared with
_EXTENDED = 12  # pixels from a plateau to which its opacity is taken to be full


def with_solid_plateaus(alpha: Pixels8, picture: Pixels8) -> Pixels8:
    """The model's alpha (height x width) with its plateaus opaque; `picture` (height x width x 3, sRGB) is what it saw.

    A plateau is wide, even, mostly opaque, and ends at an outline or in the subject: hair and smoke are none. It becomes opaque only
    if what is seen there is not the background: it has the colours of what is surely subject, or another texture than the background has.
    Glass has neither. Outlines of a plateau keep their place, since their opacity is divided by that of the plateau.
    """
    labels, stats = _even_regions(alpha)
    if not len(stats):
        return alpha
    opacity = np.multiply(alpha, np.float32(1 / 255), dtype=np.float32)
    plateaus = np.zeros(alpha.shape, np.uint8)
    for label, box in stats:
        near = grown(box, _NEAR // 2, alpha.shape)
        region = labels[near] == label
        if _is_plateau(opacity[near], region) and _hides(picture[near], _texture(picture, near), opacity[near], region):
            plateaus[near][region] = 1
    return _divided(alpha, opacity, plateaus) if plateaus.any() else alpha


def _even_regions(alpha: Pixels8) -> tuple[npt.NDArray[np.int32], list[tuple[int, Block]]]:
    """Labels of the wide regions of even opacity below full, and for each large enough its label and box."""
    between = cv2.inRange(alpha, math.ceil(_LEAST * 255), math.floor(_SOLID * 255)) > 0
    if between.mean() < _SMALLEST:
        return np.zeros(alpha.shape, np.int32), []
    window = np.ones((_WINDOW, _WINDOW), np.uint8)
    even = between & (cv2.morphologyEx(alpha, cv2.MORPH_GRADIENT, window) < _EVEN * 255)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_NARROWEST, _NARROWEST))
    wide = cv2.morphologyEx(even.view(np.uint8), cv2.MORPH_OPEN, disc)
    if not wide.any():
        return np.zeros(alpha.shape, np.int32), []
    _, labels, stats, _ = cv2.connectedComponentsWithStats(wide)
    boxes = [
        (label, (slice(y, y + h), slice(x, x + w)))
        for label, (x, y, w, h, area) in enumerate(stats.tolist())
        if label and area >= _SMALLEST * alpha.size
    ]
    return np.asarray(labels, np.int32), boxes


def _is_plateau(opacity: Floats, region: Bools) -> bool:
    if opacity[region].mean() < _MEAN:
        return False
    inner, outer = (_dilated(region, size) for size in _SHELL)
    shell = opacity[outer & ~inner]
    return shell.size == 0 or bool(((shell > _FADING[0]) & (shell < _FADING[1])).mean() < _MOST_FADING)


def _hides(picture: Pixels8, texture: Floats, opacity: Floats, region: Bools) -> bool:
    """Whether the background cannot be seen through a region."""
    around = _dilated(region, _NEAR)
    subject, background = around & (opacity >= _SOLID), around & (opacity < _FADING[0])
    if not background.any():
        return True
    own, behind = (max(float(np.median(texture[mask])), _FLAT) for mask in (region, background))
    if own > _TEXTURED * behind:
        return True
    through = 1 - float(opacity[region].mean())
    if through * behind > _FLAT and own < _SMOOTH * behind:
        return True
    return bool(subject.any()) and _likeness(picture, region, subject, background) > _ALIKE


def _likeness(picture: Pixels8, region: Bools, subject: Bools, background: Bools) -> float:
    """The mean probability that the region's colours are the subject's."""
    red, green, blue = (np.asarray(plane // (256 // _BINS), np.uint16) for plane in cv2.split(picture))
    colours = (red * _BINS + green) * _BINS + blue
    own, first, second = (np.bincount(colours[mask], minlength=_BINS**3) / mask.sum() for mask in (region, subject, background))
    return float(own @ ((first + _RARE) / (first + second + 2 * _RARE)))


def _texture(picture: Pixels8, block: Block) -> Floats:
    """Deviation of brightness from its surroundings in a block, 0 to 255."""
    near = grown(block, _TEXTURE_REACH, picture.shape)
    gray = cv2.cvtColor(np.ascontiguousarray(picture[near]), cv2.COLOR_RGB2GRAY).astype(np.float32)
    gray -= cv2.GaussianBlur(gray, (0, 0), _TEXTURE)
    return np.asarray(np.sqrt(cv2.GaussianBlur(cv2.multiply(gray, gray), (0, 0), _TEXTURE)[within(block, near)]), np.float32)


def _divided(alpha: Pixels8, opacity: Floats, plateaus: Pixels8) -> Pixels8:
    """Opacity relative to that of the nearest plateau, where one is near."""
    x, y, width, height = cv2.boundingRect(plateaus)
    block = grown((slice(y, y + height), slice(x, x + width)), _EXTENDED + 1, alpha.shape)
    out, opacity, plateaus = alpha.copy(), opacity[block], plateaus[block]
    distance, nearest = cv2.distanceTransformWithLabels(1 - plateaus, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    levels = np.ones(int(nearest.max()) + 1, np.float32)
    inside = plateaus == 1
    levels[nearest[inside]] = opacity[inside]
    near = distance <= _EXTENDED
    out[block][near] = np.round((opacity[near] / levels[nearest[near]]).clip(0, 1) * 255).astype(np.uint8)
    return out


def _dilated(region: Bools, size: int) -> Bools:
    return np.asarray(cv2.dilate(region.view(np.uint8), np.ones((size, size), np.uint8)) > 0)
