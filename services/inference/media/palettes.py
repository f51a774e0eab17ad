"""The colours of a palette, and which of them is nearest; also for soft alpha, such as that of shadows.

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
_BLOCK, _ROWS = 1 << 18, 1 << 13
"""Pixels that are looked at together, and colours that are compared together."""
_MOST_CELLS = 1 << 19
"""Colours that are compared, before they are counted more coarsely."""


def choose_palette(pixels: Samples, most: int) -> Samples:
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
    """Those of `few` with such alpha; those of `pixels` if the few have none."""
    for some in (few, pixels):
        found: Samples = some[(some[:, 3] >= lowest) & (some[:, 3] <= highest)]
        if len(found):
            break
    return found


def nearest(pixels: Samples, colours: Samples) -> Samples:
    """The number of the colour that looks most like each pixel; hidden pixels get the first one. Rows are red, green, blue and alpha.

    Colours that differ by less than can be seen count as one: those in the same sixty-fourths of the range or, where these are too many, in
    the same thirty-seconds.
    """
    for bits in (6, 5):
        seen = np.zeros(1 << 4 * bits, bool)
        for start in range(0, len(pixels), _BLOCK):
            seen[_cells(pixels[start : start + _BLOCK], bits)] = True
        cells = np.flatnonzero(seen)
        if len(cells) <= _MOST_CELLS:
            break
    table = np.zeros(len(seen), np.uint8)
    places = _placed(colours)
    half = (places**2).sum(axis=1) / 2
    for start in range(0, len(cells), _ROWS):
        some = cells[start : start + _ROWS]
        # |p - c|² is least where p·c - |c|²/2 is greatest.
        table[some] = (_middles(some, bits) @ places.T - half).argmax(axis=1)
    numbers = np.empty(len(pixels), np.uint8)
    for start in range(0, len(pixels), _BLOCK):
        block = pixels[start : start + _BLOCK]
        numbers[start : start + _BLOCK] = np.where(block[:, 3] == 0, 0, table[_cells(block, bits)])
    return numbers


def _cells(pixels: Samples, bits: int) -> npt.NDArray[np.uint32]:
    """Premultiplied colours and alpha in this many bits each."""
    alpha, rest = pixels[:, 3].astype(np.uint32), np.uint32(8 - bits)
    found = alpha >> rest
    for band in range(3):
        found |= (pixels[:, band] * alpha + _OPAQUE // 2) // _OPAQUE >> rest << np.uint32(bits * (band + 1))
    return found


def _middles(cells: npt.NDArray[np.intp], bits: int) -> _Floats:
    """Where the middles of cells stand."""
    width = 1 << 8 - bits
    bands = [(((cells >> bits * band) % (1 << bits)) * width + (width - 1) / 2).astype(np.float32)[:, None] for band in range(4)]
    return _seen(np.hstack(bands[1:]), bands[0])


def _split(kinds: Sequence[Samples], most: int) -> Samples:
    boxes = [_Box.of(kind) for kind in kinds]
    while len(boxes) < most:
        worst = max(boxes, key=lambda box: box.error)
        if not worst.error:
            break
        boxes.remove(worst)
        boxes += worst.parts()
    return np.unique(np.stack([box.colour() for box in boxes]), axis=0)


class _Box:
    """Colours that become one."""

    def __init__(self, colours: Samples, counts: npt.NDArray[np.float64]) -> None:
        """Each colour is there once, and stands for so many pixels."""
        self._colours, self._counts, self._places = colours, counts, _placed(colours)
        self._mean = (self._places * counts[:, None]).sum(axis=0) / counts.sum()
        deviation = ((self._places - self._mean) ** 2 * counts[:, None]).sum(axis=0)
        differ = (self._places != self._places[0]).any(axis=0)
        self._deviation = np.where(differ, deviation, 0)
        self.error = float(self._deviation.sum())
        """Squared deviation from the mean."""

    @classmethod
    def of(cls, pixels: Samples) -> _Box:
        """A part of these pixels."""
        step = -(-len(pixels) // _SAMPLES)
        colours, counts = np.unique(np.ascontiguousarray(pixels[::step]).view(np.uint32), return_counts=True)
        return cls(colours.view(np.uint8).reshape(-1, 4), counts.astype(np.float64) * step)

    def parts(self) -> list[_Box]:
        """The two parts on either side of the mean."""
        axis = int(self._deviation.argmax())
        along = self._places[:, axis]
        low = along <= self._mean[axis]
        if low.all() or not low.any():
            # The mean of nearly all is one of the ends, when it is rounded.
            low = along < along.max()
        return [_Box(self._colours[part], self._counts[part]) for part in (low, ~low)]

    def colour(self) -> Samples:
        """That of most pixels if there is one, so that flat areas stay unchanged; else the mean."""
        common = int(self._counts.argmax())
        if self._counts[common] * 2 > self._counts.sum():
            colour: Samples = self._colours[common]
        else:
            colour = _seen_as(self._mean[None].astype(np.float32))[0]
        return colour


def _placed(pixels: Samples) -> _Floats:
    """Where colours stand: distances are how different they look."""
    alpha = pixels[:, 3:].astype(np.float32)
    premultiplied: _Floats = pixels[:, :3] * (alpha / np.float32(_OPAQUE))
    return _seen(premultiplied, alpha)


def _seen(premultiplied: _Floats, alpha: _Floats) -> _Floats:
    return np.hstack(((2 * premultiplied - alpha) / np.float32(2**0.5), alpha * np.float32(1.5**0.5)))


def _seen_as(places: _Floats) -> Samples:
    alpha = places[:, 3:] / np.float32(1.5**0.5)
    premultiplied = (places[:, :3] * np.float32(2**0.5) + alpha) / 2
    colours = premultiplied / np.maximum(alpha, 1) * _OPAQUE
    whole: Samples = np.clip(np.rint(np.hstack((colours, alpha))), 0, 255).astype(np.uint8)
    return whole
