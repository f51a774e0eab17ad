"""Masks filled with what the rest of the picture has."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from services.inference.erasing import patches
from services.inference.erasing.patches import Mask, Pixels8, fill

_HEIGHT, _WIDTH = 160, 220


class Stopped(Exception):
    """What a caller raises to stop."""


def unstopped() -> None:
    """Nobody asks to stop."""


def bricks() -> Pixels8:
    """Rows of bricks, every second one moved by half a brick, with a little noise."""
    picture = np.full((_HEIGHT, _WIDTH, 3), (170, 90, 70), np.uint8)
    for row, top in enumerate(range(0, _HEIGHT, 20)):
        picture[top : top + 3] = 210
        for left in range(-20 if row % 2 else 0, _WIDTH, 40):
            picture[top : top + 20, max(0, left) : max(0, left + 3)] = 210
    noise = np.random.default_rng(2).normal(0, 4, picture.shape)
    return (picture + noise).clip(0, 255).astype(np.uint8)


def checks() -> Pixels8:
    """Squares of two colours, askew."""
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    one, other = (columns * 0.9 + rows * 0.4) // 14, (rows * 0.9 - columns * 0.4) // 14
    return np.where(((one + other) % 2 == 0)[..., None], (230, 220, 120), (40, 60, 120)).astype(np.uint8)


def gradient() -> Pixels8:
    """Light from the left, and blue from above."""
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    return np.stack([columns * 255 / _WIDTH, 128 + 0 * rows, rows * 255 / _HEIGHT], axis=-1).astype(np.uint8)


def hole(top: int = 55, left: int = 80, height: int = 45, width: int = 50) -> Mask:
    mask = np.zeros((_HEIGHT, _WIDTH), np.bool_)
    mask[max(0, top) : top + height, max(0, left) : left + width] = True
    return mask


def quality(made: Pixels8, truth: Pixels8, mask: Mask) -> float:
    """Peak signal-to-noise ratio within the mask, in decibels."""
    return float(10 * np.log10(255**2 / max(1e-9, ((made[mask].astype(float) - truth[mask]) ** 2).mean())))


def spoiled(picture: Pixels8, mask: Mask) -> Pixels8:
    changed = picture.copy()
    changed[mask] = (255, 0, 255)
    return changed


def with_mean(picture: Pixels8, mask: Mask) -> Pixels8:
    filled = picture.copy()
    filled[mask] = picture[~mask].mean(axis=0).astype(np.uint8)
    return filled


def telea(picture: Pixels8, mask: Mask) -> Pixels8:
    return np.asarray(cv2.inpaint(picture, mask.astype(np.uint8), 3, cv2.INPAINT_TELEA), np.uint8)


@pytest.mark.parametrize("picture", [bricks(), checks()], ids=["bricks", "checks"])
def test_texture_goes_on_where_other_fills_blur_it(picture: Pixels8) -> None:
    mask = hole()
    seen = spoiled(picture, mask)
    made = quality(fill(seen, mask, unstopped), picture, mask)
    assert made > quality(with_mean(seen, mask), picture, mask) + 4
    assert made > quality(telea(seen, mask), picture, mask) + 4


def test_a_gradient_goes_on() -> None:
    mask = hole()
    seen = spoiled(gradient(), mask)
    made = quality(fill(seen, mask, unstopped), gradient(), mask)
    assert made > 40
    assert made > quality(with_mean(seen, mask), gradient(), mask) + 8
    assert made > quality(telea(seen, mask), gradient(), mask) + 4


def test_thin_shapes_go_on() -> None:
    mask = np.zeros((_HEIGHT, _WIDTH), np.uint8)
    cv2.line(mask, (0, 20), (_WIDTH, 130), 1, 3)
    cv2.line(mask, (60, 0), (90, _HEIGHT), 1, 2)
    seen = spoiled(bricks(), mask > 0)
    made = quality(fill(seen, mask > 0, unstopped), bricks(), mask > 0)
    assert made > 23
    assert made > quality(telea(seen, mask > 0), bricks(), mask > 0)


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    "mask",
    [
        hole(),
        hole(top=-5, left=-5),
        hole(top=_HEIGHT - 30, left=_WIDTH - 30),
        hole(top=0, left=60, height=_HEIGHT),
        hole(top=0, left=0, height=_HEIGHT, width=_WIDTH - 1),
        hole(height=1, width=1),
        hole(top=0, left=100, height=_HEIGHT, width=4),
        hole() | hole(top=120, left=5, height=20, width=20) | hole(top=10, left=150, height=4, width=60),
    ],
    ids=["middle", "corner", "other corner", "across", "all but a column", "one pixel", "thin across", "several"],
)
def test_outside_nothing_changes_and_inside_nothing_stays(mask: Mask) -> None:
    picture = checks()
    made = fill(spoiled(picture, mask), mask, unstopped)
    np.testing.assert_array_equal(made[~mask], picture[~mask])
    # Nothing of the picture is so red and so little green.
    assert not ((made[mask][:, 0] > 200) & (made[mask][:, 1] < 60)).any()


def test_what_was_masked_has_no_influence() -> None:
    mask = hole() | hole(top=5, left=5, height=60, width=4)
    one, other = spoiled(bricks(), mask), bricks()
    np.testing.assert_array_equal(fill(one, mask, unstopped), fill(other, mask, unstopped))


def test_large_windows_are_filled_on_a_smaller_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches, "_LARGEST", 12_000)
    mask = hole()
    made = fill(spoiled(checks(), mask), mask, unstopped)
    np.testing.assert_array_equal(made[~mask], checks()[~mask])
    assert quality(made, checks(), mask) > quality(with_mean(checks(), mask), checks(), mask)


def test_very_many_thin_shapes_are_continued_smoothly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Continuing each by frequencies would take minutes."""
    mask = np.random.default_rng(5).random((_HEIGHT, _WIDTH)) < 0.3
    monkeypatch.setattr(patches, "_MOST_BLOCKS", 20)
    monkeypatch.setattr(patches, "_TILE", 100)
    monkeypatch.setattr(patches, "_continued", None)
    shares: list[float] = []
    made = fill(spoiled(gradient(), mask), mask, unstopped, shares.append)
    np.testing.assert_array_equal(made[~mask], gradient()[~mask])
    assert quality(made, gradient(), mask) > 40
    assert shares == sorted(shares) and len(shares) == 6 and shares[-1] == 1


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (3, 5), (1, 300), (12, 12)])
def test_small_pictures(shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), (10, 200, 90), np.uint8)
    mask = np.zeros(shape, np.bool_)
    mask[0, 0] = True
    made = fill(spoiled(picture, mask), mask, unstopped)
    assert np.abs(made.astype(int) - picture).max() <= 3


def test_without_a_mask_nothing_is_done_and_with_everything_masked_nothing_can_be() -> None:
    picture = checks()
    np.testing.assert_array_equal(fill(picture, np.zeros((_HEIGHT, _WIDTH), np.bool_), unstopped), picture)
    with pytest.raises(ValueError, match="nothing of the picture is left"):
        fill(picture, np.ones((_HEIGHT, _WIDTH), np.bool_), unstopped)


def test_it_can_be_stopped() -> None:
    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        fill(checks(), hole(), stop)
