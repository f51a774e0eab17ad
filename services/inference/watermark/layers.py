"""The layers of paint of a mark: what the network expects, made exact by what the picture shows.

Each kind of paint that the network sees (letters, their outline, a plate) is one layer. From the outside in, its paint is fitted to the
borders of where it is expected (`paint_fit`), its cover is solved for with that paint (`paint_cover`), the paint is fitted to the cover's
borders, and once more; then it is taken off, and the next layer is seen on what was below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from services.inference.watermark.box import Box
from services.inference.watermark.paint_cover import covered_by, soft_opacity
from services.inference.watermark.paint_fit import Levels, Paint, fit_paint
from services.inference.watermark.paint_map import PaintMap
from services.inference.watermark.second_look import step_across
from services.inference.watermark.strokes import Mask, Plane, thicken, thin

_CERTAIN, _POSSIBLE = 0.5, 0.15
_MOST_LAYERS = 3
_APART, _BETTER, _LEAST_SHARE = 0.25, 0.4, 0.05  # distance of two colours, from 0 to 1; of their variance; of the mark's pixels
_LEAST_OPACITY = 0.1
_LEAST = 12  # pixels
_TIMES = 2  # that the cover is solved for
_SEEN_THROUGH, _OPAQUE = 0.93, 0.88
_LEAST_STEP = 8.0  # levels
_FAINT = 0.05  # opacity
_AROUND = 8  # pixels
_SURE = 0.25  # of a piece
_SOFT_EDGE = 2  # pixels
_DEEPEST = 0.95  # opacity that is taken off at most


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One paint, and which pixels of a crop it covers."""

    paint: Paint
    painted: Mask

    @property
    def hides(self) -> bool:
        """Whether nothing is known of what is below."""
        return self.paint.opacity > _OPAQUE


@dataclass(frozen=True, slots=True, eq=False)
class Below:
    """A crop without the layers of paint on it."""

    levels: Levels
    opacity: Plane
    """All layers together."""
    hidden: Mask
    """Pixels that paint covers so well that nothing is known of what is below."""


def find_layers(levels: Levels, seen: PaintMap, region: Mask, check: Callable[[], None]) -> list[Layer]:
    """The layers of paint in a region of a crop [H, W, 3], 0 to 255, in the order in which they are taken off; none where the network is
    not certain of any."""
    certainty = np.where(region, seen.certainty, np.float32(0))
    mark = certainty > _CERTAIN
    if mark.sum() < _LEAST:
        return []
    known = ~thicken(mark, _SOFT_EDGE)
    below, layers = levels, list[Layer]()
    for kind in _kinds(levels, seen, certainty, mark):
        found = _layer(below, kind, seen.opacity, known, check)
        if found is not None:
            layers.append(Layer(found[0], found[1] & region))
            below = below_of(below, layers[-1:], region).levels
            known |= thin(found[1], 1)
    return layers


def below_of(levels: Levels, layers: Sequence[Layer], region: Mask, reach: int = 1) -> Below:
    """Take layers of paint off a region of a crop, where their borders are known to `reach` pixels."""
    opacity, hidden = np.zeros(region.shape, np.float32), np.zeros(region.shape, np.bool_)
    for layer in layers:
        share = np.where(region, soft_opacity(levels, layer.painted, layer.paint, reach), np.float32(0))
        if layer.hides:
            hidden |= thicken(share > _FAINT, 1) & region
        part = share[..., np.newaxis].clip(0, _DEEPEST)
        levels = np.asarray((levels - part * np.array(layer.paint.colour, np.float32)) / (1 - part), np.float32).clip(0, 255)
        opacity = np.asarray(1 - (1 - opacity) * (1 - share), np.float32)
    return Below(levels, opacity, hidden)


def _layer(picture: Levels, expected: Plane, opacity: Plane, known: Mask, check: Callable[[], None]) -> tuple[Paint, Mask] | None:
    painted = expected > _CERTAIN
    paint = _fit(picture, painted, opacity, known)
    for _ in range(_TIMES):
        if paint is None or paint.opacity > _SEEN_THROUGH:
            break
        painted = _covered(picture, paint, expected, check)
        paint = _fit(picture, painted, opacity, known)
    return None if paint is None else (paint, painted)


def _fit(picture: Levels, painted: Mask, opacity: Plane, known: Mask) -> Paint | None:
    if painted.sum() < _LEAST:
        return None
    return fit_paint(picture, painted, picture, known & ~thicken(painted, _SOFT_EDGE), float(np.median(opacity[painted])))


def _covered(picture: Levels, paint: Paint, expected: Plane, check: Callable[[], None]) -> Mask:
    """Where the paint covers, near where that is possible; pieces of which the network is hardly certain anywhere are the picture's."""
    possible = thicken(expected > _POSSIBLE, _SOFT_EDGE)
    rows, columns = np.nonzero(possible)
    height, width = possible.shape
    part = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1).grown(_AROUND, width, height).window
    painted = np.zeros_like(possible)
    painted[part] = covered_by(np.ascontiguousarray(picture[part]), paint, np.ascontiguousarray(expected[part]), check) > _CERTAIN
    painted &= possible
    labels = cv2.connectedComponents(painted.astype(np.uint8))[1]
    area, sure = np.bincount(labels.ravel()), np.bincount(labels[expected > _CERTAIN], minlength=int(labels.max()) + 1)
    return np.asarray(painted & (sure > _SURE * area)[labels], np.bool_)


def _kinds(levels: Levels, seen: PaintMap, certainty: Plane, mark: Mask) -> Sequence[Plane]:
    """How certain each kind of paint is in each pixel, the outermost kind first: clusters (k-means) of the colours in the mark's middle,
    if the picture has an edge between them."""
    middle = thin(mark, 1)
    if middle.sum() < 0.3 * mark.sum():
        middle = mark
    values = seen.paint / np.maximum(seen.opacity, _LEAST_OPACITY)[..., np.newaxis]
    samples = np.ascontiguousarray(values[middle], np.float32)
    centres = samples.mean(axis=0, keepdims=True)
    spread = float(((samples - centres) ** 2).sum(axis=1).mean())
    for count in range(2, min(_MOST_LAYERS, len(samples)) + 1):
        cv2.setRNGSeed(0)
        _, labels, found = cv2.kmeans(samples, count, None, (3, 30, 1e-3), 3, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]
        left = float(((samples - found[labels[:, 0]]) ** 2).sum(axis=1).mean())
        apart = min(float(np.linalg.norm(found[one] - found[other])) for one in range(count) for other in range(one))
        if apart < _APART or left > _BETTER * spread or np.bincount(labels[:, 0], minlength=count).min() < _LEAST_SHARE * len(samples):
            break
        centres, spread = found, left
    if len(centres) == 1:
        return [certainty]
    nearest = ((values[:, :, np.newaxis] - centres) ** 2).sum(axis=3).argmin(axis=2)
    if any(step_across(levels, mark & (nearest == number), mark & (nearest != number)) < _LEAST_STEP for number in range(len(centres))):
        return [certainty]
    kinds = [certainty * (cv2.medianBlur((nearest == number).astype(np.uint8), 3) > 0) for number in range(len(centres))]
    outside = thicken(~thicken(mark, _SOFT_EDGE), 4)

    def exposed(kind: Plane) -> float:
        painted = kind > _CERTAIN
        return float((painted & outside).sum() / max(1, painted.sum()))

    return sorted(kinds, key=exposed, reverse=True)
