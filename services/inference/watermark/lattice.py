"""Marks tiled over a whole picture: found by autocorrelation, measured by folding all repeats onto one another.

A repeating mark emerges from any picture once enough repeats are averaged, which gives its opacity for each pixel (the idea of
Dekel et al., "On the Effectiveness of Visible Watermarks", CVPR 2017, for the repeats within one picture). Brickwork and fabric repeat
too; a mark differs in that every repeat is identical to the pixel, whatever the picture shows there, and of one colour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

import cv2
import numpy as np

from services.inference.media.colour import strips
from services.inference.watermark.blending import measure
from services.inference.watermark.folding import Floats, FoldedSums, cell_shape, coordinates
from services.inference.watermark.repeats import detail, refine_steps, repeating_steps
from services.inference.watermark.strokes import Mask, Pixels8, Plane, luminance, thicken

_SEARCH_SIDE = 1024  # pixels of the copy in which repeats are searched
_TRIES, _COLOUR_TRIES = 4, 2
_PAINTS = (255.0, 0.0)
_LEAST_REPEATS = 6
_LEAST_AGREEMENT = 0.6
_SIGNIFICANCE = 3.5  # standard deviations of the opacity at one position
_MOST_AGAINST = 0.2  # of the coverage
_MOST_AGAINST_KNOWN = 0.5  # for a mark found on the small copy: the grain of a large picture goes both ways
_MOST_OPACITY = 0.92
_LEAST_EVEN = 0.45
_LEAST_PRESENCE = 0.85
_SUPPORT = 0.035  # opacity
_LEAST_SHAPE, _LEAST_OPAQUE = 4, 0.15  # samples of a shape that are as opaque as the mark, and their share of the shape
_COVERAGE = (0.004, 0.5)
_SHARPENINGS = 5
_FINER = 2  # samples of a repeat per pixel, in each direction: repeats at fractional positions show detail between pixels
_SMOOTH = 7  # pixels
_MEASURED_PIXELS = 8_000_000
_STRIP = 256  # rows
_LEAST_CORRELATION = 0.93
_NEUTRAL = 60.0  # levels between the largest and the smallest channel of a colour


@dataclass(frozen=True, slots=True, eq=False)
class Tiling:
    """A mark that repeats at every integer combination of two vectors.

    `steps` holds the vectors (x, y) as columns, in pixels. `opacity` is one repeat, sampled over the unit square of the two.
    """

    steps: Floats
    opacity: Plane
    colour: tuple[float, ...]
    """A value from 0 to 255 for each channel of the picture."""
    repeats: float
    agreement: float
    """Correlation between the results of two halves of the repeats."""
    presence: float
    """Share of the picture's blocks in which the mark is about as strong as overall."""

    @property
    def strength(self) -> float:
        """Opacity of the mark where it fully covers a pixel."""
        return float(np.percentile(self.opacity[self.opacity > _SUPPORT], 75))

    def opacity_in(self, rows: slice, width: int) -> Plane:
        """Opacity of the mark in some rows of the picture."""
        height, across = self.opacity.shape
        # One more sample on each side, so that interpolation wraps around the edge of the square.
        wrapped = np.pad(self.opacity, 1, mode="wrap")
        result = np.empty((rows.stop - rows.start, width), np.float32)
        for part in strips(result.shape[0], _STRIP):
            first, second = coordinates(self.steps, slice(rows.start + part.start, rows.start + part.stop), width)
            place = (first * across + 0.5).astype(np.float32), (second * height + 0.5).astype(np.float32)
            result[part] = cv2.remap(wrapped, *place, cv2.INTER_LINEAR)
        return result


def find_tiling(pixels: Pixels8, check: Callable[[], None]) -> Tiling | None:
    """The mark tiled over a picture (sRGB, height x width x 3); None if there is no sure one."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _SEARCH_SIDE / max(height, width))
    small = pixels
    if scale < 1:
        small = np.asarray(cv2.resize(pixels, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA), np.uint8)
    gray = luminance(small)
    residual = detail(gray)
    check()
    ratio = np.array([[width / small.shape[1]], [height / small.shape[0]]])
    for number, rough in enumerate(islice(repeating_steps(residual), _TRIES)):
        check()
        if gray.size / abs(np.linalg.det(rough)) < _LEAST_REPEATS:
            continue
        steps = refine_steps(gray, rough)
        # Coloured paint shows best in the channel that it darkens.
        for plane in (None, 0, 1, 2) if number < _COLOUR_TRIES else (None,):
            check()
            tiling = _measured(_plane(small, plane), steps)
            coloured = None if tiling is None else _in_colour(small, tiling, plane)
            if coloured is not None:
                return coloured if scale == 1 else _at_full_size(pixels, plane, coloured.steps * ratio, check)
    return None


def _plane(pixels: Pixels8, number: int | None) -> Plane:
    """A channel, or the luminance."""
    return luminance(pixels) if number is None else pixels[..., number].astype(np.float32)


def _at_full_size(pixels: Pixels8, number: int | None, steps: Floats, check: Callable[[], None]) -> Tiling | None:
    plane = _plane(pixels, number)
    steps = refine_steps(plane if number is None else luminance(pixels), steps)
    check()
    # A part of a very large picture holds enough repeats to measure one.
    height = min(plane.shape[0], max(2 * round(np.abs(steps[1]).sum()), _MEASURED_PIXELS // plane.shape[1]))
    tiling = _measured(plane[:height], steps, plane.shape[0] / height, _MOST_AGAINST_KNOWN)
    return None if tiling is None else _in_colour(np.ascontiguousarray(pixels[:height]), tiling, number)


def _measured(plane: Plane, steps: Floats, share: float = 1.0, most_against: float = _MOST_AGAINST) -> Tiling | None:
    """The mark of a picture with known repeats, if it qualifies as one. The picture has `share` times the rows of `plane`."""
    repeats = share * plane.size / abs(float(np.linalg.det(steps)))
    best: tuple[float, Tiling] | None = None
    for level in _PAINTS:
        folded = FoldedSums(plane, steps, cell_shape(steps), level)
        tiling = _judged(folded, steps, level, repeats, most_against)
        if tiling is not None and (best is None or folded.explained_energy(tiling.opacity) > best[0]):
            best = folded.explained_energy(tiling.opacity), tiling
    return None if best is None else _sharpened(plane, best[1])


def _sharpened(plane: Plane, tiling: Tiling) -> Tiling:
    """The mark at subpixel resolution, by least squares from all repeats, each of which samples it at different positions.

    Each round takes the residual after subtracting the mark, and adds it to the finer samples that it came from (simultaneous
    iterative reconstruction; Andersen and Kak, Ultrasonic Imaging 6, 1984).
    """
    height, width = tiling.opacity.shape
    size = width * _FINER, height * _FINER
    place = cv2.resize(thicken(tiling.opacity > 0, 1).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    wrapped = np.pad(tiling.opacity, 1, mode="wrap")
    finer = cv2.resize(wrapped, ((width + 2) * _FINER, (height + 2) * _FINER), interpolation=cv2.INTER_LINEAR)
    tiling = replace(tiling, opacity=np.asarray(finer[_FINER:-_FINER, _FINER:-_FINER], np.float32))
    level = tiling.colour[0]
    for _ in range(_SHARPENINGS):
        opacity = tiling.opacity_in(slice(0, plane.shape[0]), plane.shape[1])
        clear = ((plane - opacity * level) / (1 - opacity)).clip(0, 255)
        below = cv2.medianBlur(clear.astype(np.uint8), _SMOOTH).astype(np.float32)
        left = FoldedSums(clear, tiling.steps, tiling.opacity.shape, level, below).opacity()
        corrected = tiling.opacity + np.where(place, left, 0) * (1 - tiling.opacity)
        tiling = replace(tiling, opacity=corrected.clip(0, 0.95).astype(np.float32))
    return tiling


def _in_colour(pixels: Pixels8, tiling: Tiling, number: int | None) -> Tiling | None:
    """The mark with its colour; None if it was found in one channel, but the others do not show the picture below a strong colour."""
    opacity = tiling.opacity_in(slice(0, pixels.shape[0]), pixels.shape[1])
    strong = tiling.strength
    blend = measure(pixels, opacity > 0.5 * strong)
    coloured = blend is not None and max(blend.colour) - min(blend.colour) >= _NEUTRAL
    if number is None and not coloured:
        return replace(tiling, colour=tiling.colour * 3)
    if blend is None or not coloured or blend.correlation < _LEAST_CORRELATION:
        return None
    return replace(tiling, colour=blend.colour, opacity=np.asarray((tiling.opacity * (blend.opacity / strong)).clip(0, 0.95), np.float32))


def _judged(folded: FoldedSums, steps: Floats, level: float, repeats: float, most_against: float) -> Tiling | None:
    """The mark of one colour, if the repeating part qualifies: significant, of one sign, the same in all repeats, all over the picture."""
    opacity, (first, second) = folded.opacity(), folded.halves()
    noise = float(np.median(np.abs(first - second))) * 1.4826 / 2
    least = max(_SUPPORT, _SIGNIFICANCE * noise)
    support = opacity > least
    coverage, against = float(support.mean()), float((opacity < -least).mean())
    if not _COVERAGE[0] <= coverage <= _COVERAGE[1] or against > most_against * coverage:
        return None
    strong = float(np.percentile(opacity[support], 90))
    # Paint of one opacity: most of a stroke is about as opaque as its middle.
    even = float((opacity[support] > 0.5 * strong).mean())
    if strong > _MOST_OPACITY or even < _LEAST_EVEN:
        return None
    near = thicken(support, 3)
    agreement = float(np.corrcoef(first[near], second[near])[0, 1])
    if agreement < _LEAST_AGREEMENT:
        return None
    presence = folded.presence(np.where(support, opacity, 0).astype(np.float32))
    if presence < _LEAST_PRESENCE:
        return None
    mark = np.where(thicken(_painted(support, opacity >= 0.5 * strong), 2), opacity.clip(0), 0).astype(np.float32)
    return Tiling(steps, mark, (level,), repeats, agreement, presence)


def _painted(support: Mask, strong: Mask) -> Mask:
    """The shapes that are mostly as opaque as the mark: paint has one opacity, and what the repeats share by chance is faint."""
    # Three by three repeats, so that shapes wrap around the edge of one.
    height, width = support.shape
    _, labels, stats, _ = cv2.connectedComponentsWithStats(np.tile(support.astype(np.uint8), (3, 3)), connectivity=8)
    opaque = np.bincount(labels[np.tile(strong, (3, 3))], minlength=len(stats))
    kept = opaque >= np.maximum(_LEAST_SHAPE, _LEAST_OPAQUE * stats[:, cv2.CC_STAT_AREA])
    kept[0] = False
    return np.asarray(kept[labels[height : 2 * height, width : 2 * width]], np.bool_)
