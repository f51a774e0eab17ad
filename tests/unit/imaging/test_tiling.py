"""Tiles: complete, equal, and joined without a seam."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.upscaling.tiling import Grid, Mosaic
from tests.unit.imaging.pictures import photo


@pytest.mark.parametrize("height", [1, 2, 30, 96, 97, 128, 131, 300])
@pytest.mark.parametrize("width", [1, 5, 72, 96, 200, 399])
def test_tiles_put_together_are_the_picture(height: int, width: int) -> None:
    pixels = photo(height, width)
    grid = Grid.over(height, width, tile=96, margin=8, fade=8)
    mosaic = Mosaic(grid, 2, np.empty((2 * height, 2 * width, 3), np.uint8))
    shapes = set()
    for tile in grid:
        content = grid.read(pixels, tile)
        shapes.add(content.shape)
        mosaic.place(tile, content.repeat(2, axis=0).repeat(2, axis=1))
    assert np.array_equal(mosaic.pixels, pixels.repeat(2, axis=0).repeat(2, axis=1))
    assert len(shapes) == 1
    assert max(shapes.pop()) <= 96


def test_tiles_are_no_larger_than_needed() -> None:
    grid = Grid.over(260, 260, tile=256, margin=12, fade=16)
    (side,) = {tile.rows.stop - tile.rows.start for tile in grid}
    assert len(grid) == 4
    assert side <= 168


def test_margins_never_reach_the_result() -> None:
    pixels = np.full((300, 400, 3), 100, np.uint8)
    grid = Grid.over(300, 400, tile=96, margin=8, fade=8)
    mosaic = Mosaic(grid, 1, np.empty((300, 400, 3), np.uint8))
    for tile in grid:
        content = grid.read(pixels, tile).copy()
        content[:8] = content[-8:] = 0
        content[:, :8] = content[:, -8:] = 0
        mosaic.place(tile, content)
    assert np.array_equal(mosaic.pixels, pixels)


def test_neighbours_fade_into_each_other() -> None:
    grid = Grid.over(64, 1000, tile=96, margin=8, fade=16)
    mosaic = Mosaic(grid, 1, np.empty((64, 1000, 1), np.uint8))
    for tile in grid:
        shape = grid.read(np.zeros((64, 1000, 1), np.uint8), tile).shape
        mosaic.place(tile, np.full(shape, 64 + 128 * (tile.column % 2), np.uint8))
    line = mosaic.pixels[32, :, 0].astype(int)
    assert line.min() == 64
    assert line.max() == 192
    assert np.abs(np.diff(line)).max() <= 128 / 16 + 1
    assert (mosaic.pixels == mosaic.pixels[:1]).all()


def test_tiles_too_small_for_their_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="leave no room"):
        Grid.over(100, 100, tile=63, margin=8, fade=16)
