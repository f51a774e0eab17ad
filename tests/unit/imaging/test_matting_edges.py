"""The edges of a cut-out: what is computed only there equals what is computed everywhere."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from services.inference.matting.blocks import blocks, grown, within
from services.inference.matting.edge_pixels import edge_pixels, stacked
from services.inference.matting.edge_solving import solve_edges
from services.inference.matting.tuning import PORTRAIT, PRODUCT, Tuning
from services.inference.media.resampling import bilinear
from tests.unit.imaging.pictures import blend, brown, hair, photo, two_colours

Floats = npt.NDArray[np.float32]


def nothing() -> None:
    """A check that never cancels."""


def test_blocks_cover_the_mask_once() -> None:
    mask = np.random.default_rng(3).random((150, 330)) > 0.9995
    mask[:30, 100:] = True
    covered = np.zeros(mask.shape, int)
    found = list(blocks(mask, 32, 96))
    for block in found:
        covered[block] += 1
        assert mask[block].any()
        assert block[1].stop - block[1].start <= 96
        outer = grown(block, 5, mask.shape)
        assert np.array_equal(mask[outer][within(block, outer)], mask[block])
    assert covered.max() == 1
    assert covered[mask].all()
    assert covered.mean() < 0.8


def test_pixels_at_edges_are_enlarged_as_all_are() -> None:
    rng = np.random.default_rng(4)
    planes = [rng.random((40, 30)).astype(np.float32) for _ in range(3)]
    edges = np.zeros((40, 30), bool)
    edges[:3], edges[20:, 25:], edges[39, 0] = True, True, True
    height, width = 533, 700
    all_ = np.stack([bilinear(plane, width, height, slice(0, height)) for plane in planes])
    picture = np.zeros((height, width), np.float32)
    for pixels in edge_pixels(edges, width, height):
        assert np.allclose(pixels.enlarged(stacked(planes)), np.stack([pixels.of(plane) for plane in all_]), atol=1e-5)
        pixels.put(np.ones(pixels.index.size, np.float32), picture)
    nearest = cv2.resize(edges.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    assert np.array_equal(picture, nearest)


def test_hair_is_found_by_its_colour() -> None:
    height, width = 480, 640
    alpha = hair(height, width)
    picture = blend(brown(height, width), two_colours(height, width), alpha)
    blurred = np.round(cv2.GaussianBlur(alpha, (0, 0), 3) * 255).astype(np.uint8)
    solved = solve_edges(blurred, picture, PORTRAIT, nothing)
    before, after = (float(np.abs(one / 255 - alpha).mean()) for one in (blurred, solved))
    assert after < before / 2


@pytest.mark.parametrize("tuning", [PORTRAIT, PRODUCT])
def test_what_is_far_from_edges_is_kept(tuning: Tuning) -> None:
    coarse = np.zeros((256, 256), np.uint8)
    coarse[60:130, 40:100] = 255
    coarse[200:, 200:] = 3
    solved = solve_edges(coarse, cv2.resize(photo(), (256, 256)), tuning, nothing)
    near = cv2.dilate(cv2.morphologyEx(coarse, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), np.ones((15, 15), np.uint8)) > 100
    assert np.array_equal(solved[~near], coarse[~near])
    assert (solved[near] != coarse[near]).any()
    assert solve_edges(np.full((64, 64), 255, np.uint8), np.zeros((64, 64, 3), np.uint8), tuning, nothing).min() == 255


def test_wide_soft_zones_show_no_cells() -> None:
    y, x = np.mgrid[:256, :256]
    soft = np.round(255 * (0.5 + 0.45 * np.sin(x / 23) * np.cos(y / 31))).astype(np.uint8)
    picture = np.asarray(cv2.GaussianBlur(cv2.resize(photo(), (256, 256)), (0, 0), 6), np.uint8)
    solved = solve_edges(soft, picture, PORTRAIT, nothing).astype(np.float32)
    # Bends, by place in a cell of four pixels: larger ones at its borders would be seen as a grid.
    bends = np.abs(np.diff(solved, 2, axis=1))[48:208, 48:200].reshape(160, -1, 4).mean(axis=(0, 1))
    assert bends.max() - bends.min() < 0.05
