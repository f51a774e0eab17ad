"""The shadow that a subject casts on a plain background, as an opacity of black."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.media import Image
from services.inference.media.colour import strips
from services.inference.media.resampling import bilinear

Floats = npt.NDArray[np.float32]
Pixels8 = npt.NDArray[np.uint8]

_CLEAR = 8  # of 255: alpha up to which a pixel is background
_MARGIN = 9  # pixels around the subject that may hold some of its colour
_SAMPLING = 8
_FITS = 6
_PLAIN = 0.03  # of the background's brightness: unevenness up to which it counts as plain
_DARKEST = 12.0  # of 255: a background as dark as this shows no shadow
_FAINT = 0.03  # opacity from which it is a shadow, not noise
_GRAY = 0.15  # difference between the channels' darkening: more means a coloured object
_REACH = 31  # pixels from the subject within which its shadow must begin
_SMOOTH = 1.5
_NONE = 0.01  # opacity up to which it is noise even next to a shadow
_RIM = 10  # pixels that a shadow may reach beyond what is clearly darker
_LEAST, _MOST = 0.001, 0.5  # of the picture, and of the background
_BLACKEST = 0.85  # opacity that no shadow has, since light comes from everywhere
_ROUGHER, _ROUGH = 2.5, 0.004  # texture of a shadow relative to the background's: more means an object
_ODD, _MOST_ODD = 0.06, 0.05  # difference from the clean background, and the share of it that may differ so without being shadow
_LEAST_OF_ROW = 0.3  # of a row that must be background, to measure its brightness


def shadow_of(picture: Pixels8, alpha: Pixels8) -> Floats | None:
    """The shadow's opacity, 0 to 1, height x width, for a picture (sRGB, height x width x 3) and its subject's alpha.

    The background without the shadow is modelled as a second-order surface in each channel, fitted to its brightest part, with a brightness
    factor per row, as where a table ends before a wall. The shadow is what is evenly darker in all channels, as smooth as the background,
    and touches the subject. None where the background is not that plain, or shows no shadow.
    """
    colour = picture.astype(np.float32)
    open_ground = cv2.erode((alpha <= _CLEAR).astype(np.uint8), np.ones((2 * _MARGIN + 1,) * 2, np.uint8)) > 0
    clean = _clean(colour, open_ground)
    if clean is None:
        return None
    shades = 1 - colour / clean
    gray = _mean(shades)
    shade = np.asarray(cv2.GaussianBlur(gray, (0, 0), _SMOOTH), np.float32)
    red, green, blue = cv2.split(shades)
    uneven = np.asarray(cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue)) > _GRAY
    dark = ((shade > _FAINT) & ~uneven & open_ground).astype(np.uint8)
    touching = _touching(np.asarray(cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)), np.uint8), alpha)
    if not _is_shadow(gray, touching > 0, open_ground):
        return None
    # A shadow's rim is fainter than the noise threshold, and ends without an edge.
    around = cv2.dilate(touching, np.ones((2 * _RIM + 1,) * 2, np.uint8)).astype(np.float32)
    inside = cv2.GaussianBlur(around, (0, 0), _RIM / 2) * ((shade - _NONE) / (_FAINT - _NONE)).clip(0, 1)
    return _under_subject(np.where(uneven, 0, shade * inside).clip(0, 1).astype(np.float32), open_ground)


def with_shadow(image: Image, shadow: Floats) -> Image:
    """Lays a cut-out over its shadow (any size, 0 to 1): black, at the shadow's opacity where the cut-out is transparent."""
    assert image.alpha is not None
    pixels, alpha = image.pixels.copy(), image.alpha.copy()
    maximum = np.float32(image.maximum)
    for rows in strips(image.height, 256):
        own = alpha[rows].astype(np.float32) / maximum
        whole = own + (1 - own) * bilinear(shadow, image.width, image.height, rows).clip(0, 1)
        share = own / np.maximum(whole, 1e-6)
        pixels[rows] = np.round(pixels[rows] * share[..., None]).astype(pixels.dtype)
        alpha[rows] = np.round(whole * maximum).astype(alpha.dtype)
    return image.replace(pixels=pixels, alpha=alpha)


def _clean(colour: Floats, ground: npt.NDArray[np.bool_]) -> Floats | None:
    """The background as it would be without a shadow; None if it is not plain."""
    height, width = ground.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x / width - 0.5, y / height - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    sample = np.zeros_like(ground)
    sample[::_SAMPLING, ::_SAMPLING] = ground[::_SAMPLING, ::_SAMPLING]
    design, values = terms[sample], colour[sample]
    if len(design) < 100:
        return None
    kept = np.ones(len(design), bool)
    for _ in range(_FITS):
        weights, *_ = np.linalg.lstsq(design[kept], values[kept], rcond=None)
        error = (values - design @ weights).mean(axis=1) / np.maximum((design @ weights).mean(axis=1), 1)
        spread = max(1.5 * float(np.median(np.abs(error[kept]))), 0.004)
        kept = np.abs(error) < 2 * spread
        if kept.sum() < 60:
            return None
    clean = np.asarray(terms @ weights, np.float32)
    usual = np.median(np.abs(error[kept]))
    if usual > _PLAIN or kept.mean() < 0.4 or float(np.median(clean[ground])) < _DARKEST:
        return None
    rows = _by_rows(np.asarray(colour / np.maximum(clean, 1), np.float32), ground)
    return np.asarray(np.maximum(clean * rows[:, None, None], _DARKEST), np.float32)


def _by_rows(share: Floats, ground: npt.NDArray[np.bool_]) -> Floats:
    """How bright the rows of the background are, as shares of the fitted surface: the median of each, of which no shadow fills half."""
    counts = ground.sum(axis=1)
    rows = np.flatnonzero(counts > _LEAST_OF_ROW * ground.shape[1])
    if not rows.size:
        return np.ones(len(ground), np.float32)
    # In order, with the subject at the end.
    ordered = np.sort(np.where(ground[rows], _mean(share)[rows], np.inf).astype(np.float32), axis=1)
    middle = np.stack([(counts[rows] - 1) // 2, counts[rows] // 2], axis=1)
    medians = np.interp(np.arange(len(ground)), rows, np.take_along_axis(ordered, middle, axis=1).mean(axis=1)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(medians[:, None], (0, 0), _SMOOTH)[:, 0].clip(0.5, 1.5), np.float32)


def _mean(colours: Floats) -> Floats:
    """The mean of each pixel's three samples."""
    return np.asarray(cv2.transform(colours, np.full((1, 3), 1 / 3)), np.float32)


def _touching(dark: npt.NDArray[np.uint8], alpha: Pixels8) -> npt.NDArray[np.uint8]:
    near = cv2.dilate((alpha > 128).astype(np.uint8), np.ones((2 * _REACH + 1,) * 2, np.uint8)) > 0
    _, labels = cv2.connectedComponents(dark)
    wanted = np.unique(labels[near & (dark > 0)])
    return (np.isin(labels, wanted[wanted > 0])).astype(np.uint8)


def _is_shadow(shade: Floats, dark: npt.NDArray[np.bool_], ground: npt.NDArray[np.bool_]) -> bool:
    """Whether what is darker is a shadow: large enough, not black, as smooth as the background, and the only thing on it."""
    if dark.sum() < _LEAST * dark.size or dark.sum() > _MOST * ground.sum() or np.quantile(shade[dark], 0.95) > _BLACKEST:
        return False
    plain = ground & (cv2.dilate(dark.astype(np.uint8), np.ones((2 * _RIM + 1,) * 2, np.uint8)) == 0)
    if not plain.any() or (np.abs(shade[plain]) > _ODD).mean() > _MOST_ODD:
        return False
    texture = np.abs(shade - cv2.GaussianBlur(shade, (0, 0), 2.0))
    return bool(np.quantile(texture[dark], 0.9) < _ROUGHER * np.quantile(texture[plain], 0.9) + _ROUGH)


def _under_subject(shade: Floats, ground: npt.NDArray[np.bool_]) -> Floats:
    """Extends the shadow below the edges of the subject, where it cannot be seen, at the opacity that it has next to them."""
    _, labels = cv2.distanceTransformWithLabels((~ground).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    values = np.zeros(int(labels.max()) + 1, np.float32)
    values[labels[ground]] = shade[ground]
    carried = cv2.GaussianBlur(values[labels], (0, 0), _MARGIN / 2)
    return np.asarray(np.where(ground, shade, carried), np.float32)
