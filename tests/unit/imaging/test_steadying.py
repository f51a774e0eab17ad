"""Alpha over frames: steady where the picture is, and no worse anywhere else; and cut-outs of frames in a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from services.inference.matting.matting import Cutout, CutoutOptions
from services.inference.matting.moving import cut_out_frames
from services.inference.matting.steadying import steadied, view_of
from services.inference.media import Image
from services.inference.moving.model import Frame
from tests.unit.imaging.pictures import photo

Pixels8 = npt.NDArray[np.uint8]
Alpha = npt.NDArray[np.uint16]

_HEIGHT, _WIDTH = 120, 160


def scene(x: float, behind: Pixels8, y: float = 60, radius: float = 25) -> tuple[Pixels8, npt.NDArray[np.float64]]:
    """A striped disc with its centre there, and its alpha."""
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    alpha = np.clip(radius - np.hypot(rows - y, columns - x) + 0.5, 0, 1)
    stripes = 128 + 100 * np.sin((columns - x) * 0.7 + (rows - y) * 0.3)
    picture = behind * (1 - alpha[..., None]) + np.stack([stripes, 255 - stripes, stripes * 0], axis=2) * alpha[..., None]
    return picture.round().astype(np.uint8), alpha


def backdrop() -> Pixels8:
    return np.asarray(cv2.resize(photo(), (_WIDTH, _HEIGHT)), np.uint8)


def all_steadied(pictures: Sequence[Pixels8], alphas: Sequence[npt.NDArray[np.float64]]) -> list[npt.NDArray[np.float64]]:
    views = [view_of(picture, [stored(alpha)]) for picture, alpha in zip(pictures, alphas, strict=True)]
    results, before = [], None
    for now, after in zip(views, [*views[1:], None], strict=True):
        before = steadied(before, now, after, lambda: None)
        results.append(before.planes[0] / 65535)
    return results


def stored(alpha: npt.NDArray[np.float64]) -> Alpha:
    return np.round(alpha.clip(0, 1) * 65535).astype(np.uint16)


def error(results: Sequence[npt.NDArray[np.float64]], truth: Sequence[npt.NDArray[np.float64]]) -> float:
    return float(np.mean([np.abs(result - true).mean() for result, true in zip(results, truth, strict=True)]))


def test_a_still_edge_that_a_network_is_unsure_of_becomes_steady() -> None:
    rng = np.random.default_rng(1)
    picture, alpha = scene(80, backdrop())
    edge = (alpha > 0) & (alpha < 1)
    pictures = [(picture + rng.normal(0, 2, picture.shape)).clip(0, 255).astype(np.uint8) for _ in range(8)]
    shaky = [np.where(edge, (alpha + rng.normal(0, 0.2, alpha.shape)).clip(0, 1), alpha) for _ in pictures]
    results = all_steadied(pictures, shaky)
    flicker, before = (np.abs(np.diff(np.stack(frames), axis=0))[:, edge].mean() for frames in (results, shaky))
    assert flicker < 0.5 * before
    assert error(results, [alpha] * 8) < 0.7 * error(shaky, [alpha] * 8)


def test_nothing_is_drawn_behind_what_moves_fast() -> None:
    behind = backdrop()
    pictures, alphas = zip(*(scene(30 + 14 * number, behind) for number in range(8)), strict=True)
    assert error(all_steadied(pictures, alphas), alphas) < 0.002


def test_a_frame_in_which_the_subject_was_lost_is_mended() -> None:
    behind = backdrop()
    pictures, alphas = zip(*(scene(60 + 2 * number, behind) for number in range(7)), strict=True)
    lost = [alpha if number != 3 else np.zeros_like(alpha) for number, alpha in enumerate(alphas)]
    results = all_steadied(pictures, lost)
    assert np.abs(results[3] - alphas[3]).mean() < 0.3 * alphas[3].mean()


def test_another_scene_begins_anew() -> None:
    behind = backdrop()
    other = np.ascontiguousarray(255 - behind[::-1])
    cuts = [scene(50, behind)] * 3 + [scene(110, other, radius=15)] * 3
    results = all_steadied([picture for picture, _ in cuts], [alpha for _, alpha in cuts])
    assert error(results, [alpha for _, alpha in cuts]) < 1e-4


def test_one_frame_and_frames_of_other_sizes_stay() -> None:
    picture, alpha = scene(80, backdrop())
    assert error(all_steadied([picture], [alpha]), [alpha]) < 1e-4
    halves = all_steadied([picture, picture[:60]], [alpha, alpha[:60]])
    assert [half.shape for half in halves] == [(120, 160), (60, 160)]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 500), (12, 12), (700, 3)])
def test_frames_may_be_tiny(height: int, width: int) -> None:
    rng = np.random.default_rng(2)
    picture, alpha = rng.integers(0, 256, (height, width, 3), np.uint8), rng.integers(0, 2, (height, width)).astype(np.float64)
    assert error(all_steadied([picture] * 4, [alpha, alpha, alpha * 0, alpha]), [alpha] * 4) < 0.1
    other = rng.integers(0, 256, (height, width, 3), np.uint8)
    assert error(all_steadied([picture, other], [alpha, 1 - alpha]), [alpha, 1 - alpha]) < 0.25


async def frames_of(pictures: Sequence[Pixels8], read: list[int]) -> AsyncIterator[Frame]:
    for number, picture in enumerate(pictures):
        read.append(number)
        yield Frame(Image(picture), 40_000 + number)


async def disc_or_nothing(pictures: Pixels8) -> Pixels8:
    """A model that finds what is striped: red and green differ."""
    red, green = pictures[0, ..., 0].astype(int), pictures[0, ..., 1].astype(int)
    found = cv2.blur((np.abs(red - green) > 20).astype(np.float32), (41, 41)) > 0.4
    return (found * 255).astype(np.uint8)[None, ..., None]


async def cut_out(frames: AsyncIterator[Frame], seen: Callable[[Cutout], None], at_once: int) -> list[Frame]:
    async def then(frame: Frame, cutout: Cutout) -> Frame:
        seen(cutout)
        return Frame(cutout.image, frame.microseconds)

    return [frame async for frame in cut_out_frames(frames, disc_or_nothing, CutoutOptions(), then, at_once, lambda: None)]


async def test_frames_are_cut_out_in_order_and_few_are_held() -> None:
    gray = np.full((_HEIGHT, _WIDTH, 3), 90, np.uint8)
    pictures = [scene(60 + number, gray)[0] for number in range(9)] + [gray]
    read: list[int] = []
    held: list[int] = []
    made = await cut_out(frames_of(pictures, read), lambda _: held.append(len(read) - len(held)), 2)
    assert max(held) <= 2 + 5
    assert [frame.microseconds for frame in made] == [40_000 + number for number in range(10)]
    for frame, picture in zip(made[:-1], pictures, strict=False):
        assert frame.image.alpha is not None
        assert frame.image.alpha.max() == 255
        solid = frame.image.alpha == 255
        assert np.array_equal(frame.image.pixels[solid], picture[solid])
    empty = made[-1].image.alpha
    assert empty is not None
    assert empty.mean() < 0.1
    assert empty.max() < 32


async def test_what_is_a_cut_out_already_stays_one_in_every_frame() -> None:
    gray = np.full((_HEIGHT, _WIDTH, 3), 90, np.uint8)
    shown = [scene(60 + 4 * number, gray) for number in range(3)]

    async def stickers() -> AsyncIterator[Frame]:
        for picture, alpha in shown:
            yield Frame(Image(picture, np.round(alpha * 255).astype(np.uint8)), 40_000)
        yield Frame(Image(gray), 40_000)

    cutouts: list[Cutout] = []
    made = await cut_out(stickers(), cutouts.append, 1)
    assert all(cutout.kept_alpha for cutout in cutouts)
    for frame, (_, alpha) in zip(made[:3], shown, strict=True):
        assert np.array_equal(frame.image.alpha, np.round(alpha * 255).astype(np.uint8))
    assert made[3].image.alpha is None
