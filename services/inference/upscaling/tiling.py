"""Cutting a picture into overlapping tiles for a model, and joining what comes back without a seam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Pixels8 = npt.NDArray[np.uint8]

_STEP = 8


@dataclass(frozen=True, slots=True)
class Span:
    """One tile along one axis, in input pixels: what it reads, and where it fades in over the previous one."""

    start: int
    stop: int
    fade_start: int
    fade_stop: int


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of a grid: `rows` and `columns` of the padded picture, and its place in the grid."""

    row: int
    column: int
    rows: Span
    columns: Span


@dataclass(frozen=True, slots=True)
class Grid:
    """Equal tiles that cover a picture, padded by reflection so that the model has context at its borders too.

    Two neighbours overlap. The outermost `margin` pixels of every tile, where models guess at what lies outside, are
    discarded; between the margins of two neighbours one fades into the other.
    """

    height: int
    width: int
    margin: int
    rows: tuple[Span, ...]
    columns: tuple[Span, ...]

    @classmethod
    def over(cls, height: int, width: int, *, tile: int, margin: int, fade: int) -> Grid:
        """Plans tiles of at most `tile` pixels a side, no larger than the picture needs them to be.

        Raises ValueError if `tile` is under 2 x margin + 3 x fade, since a pixel could then belong to more than two tiles.
        """
        if tile < 2 * margin + 3 * fade:
            raise ValueError(f"tiles of {tile} pixels leave no room for margins of {margin} and a fade of {fade}")
        return cls(
            height=height,
            width=width,
            margin=margin,
            rows=tuple(_spans(height + 2 * margin, tile, margin, fade)),
            columns=tuple(_spans(width + 2 * margin, tile, margin, fade)),
        )

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def __iter__(self) -> Iterator[Tile]:
        """The tiles in reading order."""
        for row, rows in enumerate(self.rows):
            for column, columns in enumerate(self.columns):
                yield Tile(row, column, rows, columns)

    def read(self, pixels: Pixels8, tile: Tile) -> Pixels8:
        """The pixels of one tile of the picture (height x width x channels), reflected beyond its borders."""
        rows = _reflected(tile.rows.start - self.margin, tile.rows.stop - self.margin, self.height)
        columns = _reflected(tile.columns.start - self.margin, tile.columns.stop - self.margin, self.width)
        return pixels[rows[:, np.newaxis], columns]


def _spans(size: int, tile: int, margin: int, fade: int) -> Iterator[Span]:
    """Places equal tiles along an axis of `size` padded pixels; the last one ends with it."""
    overlap = 2 * margin + fade
    count = max(1, -(-(size - overlap) // (tile - overlap)))
    # As few tiles as `tile` allows, then as small as their number allows, so that no pixel is computed needlessly. Multiples
    # of 8 keep the number of different shapes small, since some runtimes tune themselves for each.
    tile = min(tile, size, _STEP * -(-(size + (count - 1) * overlap) // (count * _STEP)))
    previous_stop = 0
    for number in range(count):
        start = min(number * (tile - overlap), size - tile)
        if number == 0:
            yield Span(0, tile, margin, margin)
        else:
            # Centred in the overlap, which is wider before the last tile.
            fade_start = (start + previous_stop - fade) // 2
            yield Span(start, start + tile, fade_start, fade_start + fade)
        previous_stop = start + tile


def _reflected(start: int, stop: int, size: int) -> npt.NDArray[np.intp]:
    """Indices start to stop, mirrored about the first and last pixel as often as a small picture requires."""
    if size == 1:
        return np.zeros(stop - start, np.intp)
    period = 2 * (size - 1)
    folded = np.abs(np.arange(start, stop)) % period
    return np.asarray(np.minimum(folded, period - folded), np.intp)


class Mosaic:
    """Joins output tiles, given in reading order, into one array of `scale` x the picture's size.

    Tiles of one row are joined in a band, bands in the given `pixels`: it needs memory for one band besides that.
    """

    def __init__(self, grid: Grid, scale: int, pixels: Pixels8) -> None:
        self.pixels = pixels
        self._grid = grid
        self._scale = scale
        tallest = max(span.stop - span.start for span in grid.rows) * scale
        self._band: Pixels8 = np.empty((tallest, *pixels.shape[1:]), np.uint8)

    def place(self, tile: Tile, content: Pixels8) -> None:
        """Adds one tile: scale x its rows x scale x its columns x channels."""
        last = tile.column == len(self._grid.columns) - 1
        _join(
            self._band[: content.shape[0]],
            content,
            tile.columns,
            scale=self._scale,
            offset=self._grid.margin,
            size=self._grid.width,
            axis=1,
        )
        if last:
            _join(
                self.pixels,
                self._band[: content.shape[0]],
                tile.rows,
                scale=self._scale,
                offset=self._grid.margin,
                size=self._grid.height,
                axis=0,
            )


def _join(target: Pixels8, content: Pixels8, span: Span, *, scale: int, offset: int, size: int, axis: int) -> None:
    """Writes `content`, which begins at `span.start`, into `target` from the fade on; later tiles cover the rest."""
    begin, end = (span.fade_start - offset) * scale, min(span.stop - offset, size) * scale
    shift = (offset - span.start) * scale
    fade = (span.fade_stop - span.fade_start) * scale
    old, new = np.moveaxis(target, axis, 0), np.moveaxis(content, axis, 0)
    solid = begin + fade
    if fade:
        weight = ((np.arange(fade, dtype=np.float32) + np.float32(0.5)) / fade)[:, np.newaxis, np.newaxis]
        before = old[begin:solid].astype(np.float32)
        blended = before + (new[begin + shift : solid + shift] - before) * weight
        old[begin:solid] = np.round(blended).astype(np.uint8)
    old[solid:end] = new[solid + shift : end + shift]
