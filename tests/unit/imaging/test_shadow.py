"""Shadows on plain backgrounds, against known ones."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from services.inference.matting.shadow import shadow_of, with_shadow
from services.inference.media import Image
from tests.unit.imaging.pictures import blob, photo

Floats = npt.NDArray[np.float32]
SIDE = 512


def scene(background: Floats, *, shadow: bool = True) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], Floats]:
    """A red thing on a background, its alpha, and the opacity of its shadow."""
    alpha = cv2.resize(blob(SIDE // 2, SIDE // 2), (SIDE, SIDE)) * np.float32(1)
    alpha[: SIDE // 4] = 0
    moved = np.roll(alpha, (40, 50), axis=(0, 1))
    shade = cv2.GaussianBlur(moved, (0, 0), 12) * np.float32(0.5 if shadow else 0)
    lit = background * (1 - shade[..., None])
    mixed = np.float32([0.8, 0.15, 0.1]) * alpha[..., None] + lit * (1 - alpha[..., None])
    noisy = mixed * 255 + np.random.default_rng(1).normal(0, 1.5, mixed.shape)
    return noisy.round().clip(0, 255).astype(np.uint8), np.round(alpha * 255).astype(np.uint8), shade


def paper() -> Floats:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE
    return (np.float32([0.9, 0.88, 0.85]) * (1 - 0.15 * np.hypot(x - 0.5, y - 0.3))[..., None]).astype(np.float32)


def test_a_shadow_on_paper_is_found_where_it_is() -> None:
    picture, alpha, truth = scene(paper())
    found = shadow_of(picture, alpha)
    assert found is not None
    outside = alpha == 0
    assert np.abs(found - truth)[outside].mean() < 0.015
    dense = outside & (truth > 0.25)
    assert dense.sum() > 2000
    assert np.abs(found - truth)[dense].mean() < 0.05


def test_no_shadow_and_no_plain_background_give_none() -> None:
    assert shadow_of(*scene(paper(), shadow=False)[:2]) is None
    busy = cv2.resize(photo(300, 400), (SIDE, SIDE)).astype(np.float32) / 255
    assert shadow_of(*scene(busy)[:2]) is None


def table() -> Floats:
    """A white table, a little brighter in front, before a wall that is darker."""
    rows = np.linspace(0.8, 0.95, SIDE, dtype=np.float32)
    rows[: SIDE // 3] = 0.72
    return np.tile(rows[:, None, None], (1, SIDE, 3))


def test_the_end_of_a_table_is_no_shadow() -> None:
    picture, alpha, truth = scene(table())
    found = shadow_of(picture, alpha)
    assert found is not None
    assert found[truth < 0.01].mean() < 0.004
    assert np.abs(found - truth)[(alpha == 0) & (truth > 0.25)].mean() < 0.06
    assert shadow_of(*scene(table(), shadow=False)[:2]) is None


def test_a_shadow_is_as_dense_below_the_edge_of_the_subject_as_beside_it() -> None:
    picture, alpha, truth = scene(paper())
    found = shadow_of(picture, alpha)
    assert found is not None
    edge = (alpha > 100) & (alpha < 156) & (truth > 0.25)
    assert edge.sum() > 20
    assert np.abs(found - truth)[edge].mean() < 0.08


def test_what_is_dark_beside_the_subject_and_rough_or_black_or_one_of_many_things_is_no_shadow() -> None:
    picture, alpha, truth = scene(paper())
    rough = np.random.default_rng(2).uniform(0.5, 1, truth.shape)[..., None]
    assert shadow_of(np.where((truth > 0.1)[..., None], picture * rough, picture).astype(np.uint8), alpha) is None
    assert shadow_of(np.where((truth > 0.1)[..., None], 3, picture).astype(np.uint8), alpha) is None
    stripes = np.arange(SIDE) % 64 < 6
    assert shadow_of(np.where(stripes[None, :, None] & (alpha == 0)[..., None], picture * 0.8, picture).astype(np.uint8), alpha) is None


def test_a_shadow_is_black_below_the_subject() -> None:
    pixels = np.full((2, 2, 3), 200, np.uint8)
    alpha = np.array([[255, 0], [128, 0]], np.uint8)
    pixels[alpha == 0] = 0
    laid = with_shadow(Image(pixels, alpha), np.full((2, 2), 0.5, np.float32))
    assert laid.alpha is not None
    assert laid.alpha.tolist() == [[255, 128], [192, 128]]
    assert laid.pixels[0, 0].tolist() == [200] * 3
    assert laid.pixels[0, 1].tolist() == [0] * 3
    # Two thirds of what covers this pixel is the subject.
    assert abs(int(laid.pixels[1, 0, 0]) - 133) <= 1
