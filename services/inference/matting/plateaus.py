"""Regions inside a subject to which the model gives an even opacity below full, although nothing shows through them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

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
_NEAR = 129  # pixels around a plateau whose colours and texture it is compared with
_EXTENDED = 12  # pixels from a plateau to which its opacity is taken to be full


def with_solid_plateaus(alpha: Pixels8, picture: Pixels8) -> Pixels8:
    """The model's alpha (height x width) with its plateaus opaque; `picture` (height x width x 3, sRGB) is what it saw.

    A plateau is wide, even, mostly opaque, and ends at an outline or in the subject: hair and smoke are none. It becomes opaque only
    if what is seen there is not the background: it has the colours of what is surely subject, or another texture than the background has.
    Glass has neither. Outlines of a plateau keep their place, since their opacity is divided by that of the plateau.
    """
    opacity = alpha.astype(np.float32) / np.float32(255)
    labels, stats = _even_regions(opacity)
    if not len(stats):
        return alpha
    texture = _texture(picture)
    plateaus = np.zeros(alpha.shape, np.uint8)
    for label, box in stats:
        near = _grown(box, _NEAR // 2, alpha.shape)
        region = labels[near] == label
        if _is_plateau(opacity[near], region) and _hides(picture[near], texture[near], opacity[near], region):
            plateaus[near][region] = 1
    return _divided(alpha, opacity, plateaus) if plateaus.any() else alpha


def _even_regions(opacity: Floats) -> tuple[npt.NDArray[np.int32], list[tuple[int, tuple[slice, slice]]]]:
    """Labels of the wide regions of even opacity below full, and for each large enough its label and box."""
    between = (opacity >= _LEAST) & (opacity < _SOLID)
    if between.mean() < _SMALLEST:
        return np.zeros(opacity.shape, np.int32), []
    window = np.ones((_WINDOW, _WINDOW), np.uint8)
    even = between & (cv2.dilate(opacity, window) - cv2.erode(opacity, window) < _EVEN)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_NARROWEST, _NARROWEST))
    wide = cv2.morphologyEx(even.astype(np.uint8), cv2.MORPH_OPEN, disc)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(wide)
    boxes = [
        (label, (slice(y, y + h), slice(x, x + w)))
        for label, (x, y, w, h, area) in enumerate(stats.tolist())
        if label and area >= _SMALLEST * opacity.size
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
    first, second = _colours(picture, subject), _colours(picture, background)
    bins = tuple((picture[region] // (256 // _BINS)).T)
    return float((first[bins] / (first[bins] + second[bins])).mean())


def _colours(picture: Pixels8, mask: Bools) -> npt.NDArray[np.float64]:
    bins = (picture[mask] // (256 // _BINS)).astype(np.int32) @ np.array([_BINS**2, _BINS, 1], np.int32)
    counts = np.bincount(bins, minlength=_BINS**3).reshape((_BINS,) * 3)
    return np.asarray(counts / counts.sum() + _RARE)


def _texture(picture: Pixels8) -> Floats:
    """Deviation of brightness from its surroundings, 0 to 255."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(np.sqrt(cv2.GaussianBlur((gray - cv2.GaussianBlur(gray, (0, 0), 3)) ** 2, (0, 0), 3)), np.float32)


def _divided(alpha: Pixels8, opacity: Floats, plateaus: Pixels8) -> Pixels8:
    """Opacity relative to that of the nearest plateau, where one is near."""
    distance, nearest = cv2.distanceTransformWithLabels(1 - plateaus, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    levels = np.ones(int(nearest.max()) + 1, np.float32)
    inside = plateaus == 1
    levels[nearest[inside]] = opacity[inside]
    near = distance <= _EXTENDED
    out = alpha.copy()
    out[near] = np.round((opacity[near] / levels[nearest[near]]).clip(0, 1) * 255).astype(np.uint8)
    return out


def _dilated(region: Bools, size: int) -> Bools:
    return np.asarray(cv2.dilate(region.astype(np.uint8), np.ones((size, size), np.uint8)) > 0)


def _grown(box: tuple[slice, slice], margin: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    rows, columns = (slice(max(span.start - margin, 0), min(span.stop + margin, size)) for span, size in zip(box, shape, strict=True))
    return rows, columns
