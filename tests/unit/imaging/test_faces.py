"""Faces are found, and what is laid over the picture for them changes nothing else."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from services.inference.media import Image
from services.inference.plain.faces import LEAST_FACE, Face, find, oval
from services.inference.upscaling.face_enhancement import affordable, cut, joint, lay_over
from services.inference.upscaling.fitting import TileModel
from tests.unit.imaging.pictures import photo

SAMPLES = Path(__file__).parents[3] / "samples"
FACE = Face(60, 50, 48, 48)


def sample(name: str) -> np.ndarray:
    picture = cv2.imread(str(SAMPLES / name))
    assert picture is not None
    return np.ascontiguousarray(picture[..., ::-1])


@pytest.mark.parametrize("size", [1.0, 0.5])
def test_the_face_of_a_portrait_is_found(size: float) -> None:
    picture = cv2.resize(sample("portrait.jpg"), None, fx=size, fy=size, interpolation=cv2.INTER_AREA)
    (face,) = find(picture)
    # Between the eyes and the mouth of the astronaut.
    assert abs(face.left + face.width / 2 - 222 * size) < 15 * size
    assert abs(face.top + face.height / 2 - 125 * size) < 15 * size
    assert LEAST_FACE <= face.width < 120 * size


def test_no_face_is_seen_where_there_is_none() -> None:
    assert not find(sample("coffee.jpg"))
    assert not find(photo(64, 64))
    assert not find(np.zeros((1, 1, 3), np.uint8))


def test_weights_fall_smoothly_from_the_middle_of_the_oval_to_nothing_at_its_box() -> None:
    around = oval(FACE, 200, 200)
    assert around.rows.start % 8 == around.columns.start % 8 == 0
    weights = around.weights(2, slice(None))
    assert weights.shape == (2 * (around.rows.stop - around.rows.start), 2 * (around.columns.stop - around.columns.start))
    assert weights[round(2 * (around.y - around.rows.start)), round(2 * (around.x - around.columns.start))] == 1
    assert not weights[[0, -1]].any()
    assert not weights[:, [0, -1]].any()
    assert max(np.abs(np.diff(weights, axis=axis)).max() for axis in (0, 1)) < 0.12
    np.testing.assert_array_equal(weights[10:20], around.weights(2, slice(10, 20)))


@pytest.mark.parametrize("face", [FACE, Face(-30, -20, 60, 60), Face(170, 150, 60, 60), Face(0, 0, 400, 400)])
def test_the_box_stays_in_the_picture(face: Face) -> None:
    around = oval(face, 203, 219)
    assert 0 <= around.rows.start < around.rows.stop <= 203
    assert 0 <= around.columns.start < around.columns.stop <= 219
    assert around.weights(3, slice(None)).max() == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_only_what_is_under_the_oval_changes(dtype: type, channels: int) -> None:
    pixels: np.ndarray = photo(160, 200)[..., :channels].astype(dtype)
    enlarged = Image(np.ascontiguousarray(pixels.repeat(2, axis=0).repeat(2, axis=1)))
    before = enlarged.pixels.copy()
    around = oval(FACE, 160, 200)
    part = cut(Image(pixels), around)
    other = Image(np.full((2 * part.height, 2 * part.width, channels), 7, dtype))
    lay_over(enlarged, other, around, 2, lambda: None)
    weights = np.zeros(before.shape[:2], np.float32)
    weights[2 * around.rows.start : 2 * around.rows.stop, 2 * around.columns.start : 2 * around.columns.stop] = around.weights(
        2, slice(None)
    )
    np.testing.assert_array_equal(enlarged.pixels[weights == 0], before[weights == 0])
    assert (enlarged.pixels[weights == 1] == 7).all()
    assert (weights == 1).sum() > 1000
    assert (weights == 0).sum() > 1000


def test_a_part_of_another_kind_is_refused() -> None:
    around = oval(FACE, 160, 200)
    whole = Image(np.zeros((320, 400, 3), np.uint16))
    with pytest.raises(ValueError, match="uint8 samples of 3"):
        lay_over(whole, cut(Image(photo(160, 200)), around), around, 2, lambda: None)


def constant(scale: int, level: int) -> TileModel:
    async def infer(tiles: np.ndarray) -> np.ndarray:
        count, height, width, channels = tiles.shape
        return np.full((count, height * scale, width * scale, channels), level, np.uint8)

    return TileModel(scale, infer)


@pytest.mark.parametrize(("factor", "level"), [(2, 150), (3, 133), (4, 133)])
async def test_two_networks_give_their_weighted_mean_at_the_factor(factor: int, level: int) -> None:
    model = joint(constant(factor, 100), constant(4, 200), factor)
    assert model.scale == factor
    result = await model.infer(np.zeros((2, 20, 30, 3), np.uint8))
    assert result.shape == (2, 20 * factor, 30 * factor, 3)
    assert (result == level).all()


def test_the_smallest_faces_come_first_and_later_passes_count() -> None:
    ovals = [oval(Face(100, 100, side, side), 2000, 2000) for side in (50, 100, 300)]
    each = [around.pixels for around in ovals]
    assert affordable(ovals, (2,), sum(each)) == ovals
    assert affordable(ovals, (2,), sum(each) - 1) == ovals[:2]
    # The second pass of an enlargement by 8 is given four times as many pixels.
    assert affordable(ovals, (2, 4), 5 * each[0]) == ovals[:1]
    assert affordable(ovals, (2, 4), 5 * each[0] - 1) == []
