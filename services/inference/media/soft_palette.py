"""Palettes for pictures with soft alpha, such as shadows.

Colours are compared by how they look on black and on white: for a difference of dc in each premultiplied channel c, and of da in alpha,
that is the sum of dc² + (dc − da)² = ½ (2 dc − da)² + ½ da², as in Lesiński's libimagequant: a plain distance in four coordinates. The
palette is found by splitting the box with the greatest squared deviation at its mean (after Wu: "Efficient Statistical Computations for
Optimal Color Quantization", Graphics Gems II, 1991). Opaque, soft and hidden pixels do not share colours, so that nothing opaque starts to
shine through.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.uint8]
_Floats = npt.NDArray[np.float32]

_OPAQUE = 255
_LOOKED_AT = 1 << 20
_SAMPLES = 1 << 15
"""Pixels of a kind that its colours are chosen by."""
_BLOCK, _ROWS = 1 << 20, 1 << 13
"""Pixels that are mapped at a time, and colours that are compared at a time."""
_FEW = 1 << 15
"""Colours that are compared as exactly as they are."""


def chosen(pixels: Samples, most: int) -> Samples:
    """At most this many colours, 2 to 256, as rows of red, green, blue and alpha; `pixels` has such rows, too.

    A colour of alpha 0 comes first if any pixel has that.
    """
    hidden = bool((pixels[:, 3] == 0).any())
    few = pixels[:: max(1, len(pixels) // _LOOKED_AT)]
    kinds = [found for lowest, highest in ((_OPAQUE, _OPAQUE), (1, _OPAQUE - 1)) if len(found := _between(few, pixels, lowest, highest))]
    room = most - hidden
    if len(kinds) > room:
        kinds = [np.concatenate(kinds)]
    colours = _split(kinds, room) if kinds else np.zeros((0, 4), np.uint8)
    return np.vstack((np.zeros((1, 4), np.uint8), colours)) if hidden else colours


def _between(few: Samples, pixels: Samples, lowest: int, highest: int) -> Samples:
    """Those of `few` with such alpha; those of `pixels` if none of the few has."""
    for some in (few, pixels):
        found: Samples = some[(some[:, 3] >= lowest) & (some[:, 3] <= highest)]
        if len(found):
            break
    return found


def nearest(pixels: Samples, colours: Samples) -> Samples:
    """The number of the colour that looks most like each pixel. Both have rows of red, green, blue and alpha."""
    numbers = np.empty(len(pixels), np.uint8)
    places = _placed(colours)
    for start in range(0, len(pixels), _BLOCK):
        block = np.ascontiguousarray(pixels[start : start + _BLOCK]).view(np.uint32).ravel()
        seen, where = np.unique(block, return_inverse=True)
        if len(seen) > _FEW:
            # Many differ by less than can be seen: those in the same sixty-fourths of the range count as one.
            cells, of_seen = np.unique(_cells(seen.view(np.uint8).reshape(-1, 4)), return_inverse=True)
            found = _nearest(_middles(cells), places)[of_seen]
        else:
            found = _nearest(_placed(seen.view(np.uint8).reshape(-1, 4)), places)
        numbers[start : start + _BLOCK] = found[where]
    return numbers


def _nearest(points: _Floats, places: _Floats) -> Samples:
    """|p - c|² is least where p·c - |c|²/2 is greatest."""
    half = (places**2).sum(axis=1) / 2
    found = np.empty(len(points), np.uint8)
    for start in range(0, len(points), _ROWS):
        found[start : start + _ROWS] = (points[start : start + _ROWS] @ places.T - half).argmax(axis=1)
    return found


def _cells(pixels: Samples) -> npt.NDArray[np.uint32]:
    """Premultiplied colours and alpha in 6 bits each."""
    alpha = pixels[:, 3].astype(np.uint32)
    bands = [(pixels[:, band] * alpha + _OPAQUE // 2) // _OPAQUE >> 2 for band in range(3)]
    return np.asarray(bands[0] << 18 | bands[1] << 12 | bands[2] << 6 | alpha >> 2, np.uint32)


def _middles(cells: npt.NDArray[np.uint32]) -> _Floats:
    """Where the middles of cells stand."""
    bands = [((cells >> shift & 63) * 4 + 1.5).astype(np.float32)[:, None] for shift in (18, 12, 6, 0)]
    return _seen(np.hstack(bands[:3]), bands[3])


def _split(kinds: Sequence[Samples], most: int) -> Samples:
    boxes, errors = [], []
    for kind in kinds:
        step = -(-len(kind) // _SAMPLES)
        # A sample counts for as many pixels as it stands for.
        boxes.append((_placed(kind[::step]), step))
        errors.append(_error(*boxes[-1]))
    while len(boxes) < most and max(errors) > 0:
        worst = int(np.argmax(errors))
        box, weight = boxes.pop(worst)
        errors.pop(worst)
        axis = int(box.var(axis=0).argmax())
        low = box[:, axis] <= box[:, axis].mean()
        for part in (box[low], box[~low]):
            if len(part):
                boxes.append((part, weight))
                errors.append(_error(part, weight))
    return np.unique(_colours(np.stack([box.mean(axis=0) for box, _ in boxes])), axis=0)


def _error(box: _Floats, weight: int) -> float:
    return float(box.var(axis=0).sum()) * len(box) * weight if (box != box[0]).any() else 0.0


def _placed(pixels: Samples) -> _Floats:
    """Where colours stand: distances are how different they look."""
    alpha = pixels[:, 3:].astype(np.float32)
    premultiplied: _Floats = pixels[:, :3] * (alpha / np.float32(_OPAQUE))
    return _seen(premultiplied, alpha)


def _seen(premultiplied: _Floats, alpha: _Floats) -> _Floats:
    return np.hstack(((2 * premultiplied - alpha) / np.float32(2**0.5), alpha * np.float32(1.5**0.5)))


def _colours(places: _Floats) -> Samples:
    alpha = places[:, 3:] / np.float32(1.5**0.5)
    premultiplied = (places[:, :3] * np.float32(2**0.5) + alpha) / 2
    colours = premultiplied / np.maximum(alpha, 1) * _OPAQUE
    whole: Samples = np.clip(np.rint(np.hstack((colours, alpha))), 0, 255).astype(np.uint8)
    return whole
