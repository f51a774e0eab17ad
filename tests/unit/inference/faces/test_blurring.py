from __future__ import annotations

import numpy as np
import pytest

from services.inference.faces.blurring import LEAST, Oval, blur_ovals, oval_of
from services.inference.faces.detection import Face
from services.inference.faces.mesh import OVAL, POINTS, Mesh
from services.inference.media import Image

CHECKS = np.indices((200, 240)).sum(axis=0) // 4 % 2 * 200 + 20


def picture(dtype: type = np.uint8) -> Image:
    return Image(np.repeat(CHECKS[..., None], 3, axis=2).astype(dtype) * (257 if dtype is np.uint16 else 1))


def mesh(tilt: float = 0.0, sure: float = 1.0) -> Mesh:
    """A face 80 pixels wide and 100 high around (120, 100), turned."""
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    angles = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    flat = np.zeros((POINTS, 2))
    flat[list(OVAL)] = np.stack([40 * np.sin(angles), -50 * np.cos(angles)], axis=1)
    flat[33], flat[263] = (-20, -10), (20, -10)
    eyes = [tuple(turn @ np.array(each) + (120, 100)) for each in ((-20, -10), (20, -10))]
    box = Face(75, 55, 90, 90, 0.9, (*eyes, *[(120.0, 100.0)] * 4))
    return Mesh(box, (flat @ turn.T + (120, 100)).astype(np.float32), 0.9, sure)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_oval_is_blurred_and_nothing_beyond_it(dtype: type) -> None:
    before = picture(dtype)
    made = blur_ovals(before, [Oval(120, 100, 40, 60, 0)], 30, lambda: None)
    top = np.iinfo(dtype).max
    inner = made.pixels[50:150, 95:145].astype(float) / top * 255
    assert np.abs(inner - 120).max() < 6
    rows, columns = np.mgrid[:200, :240]
    beyond = np.hypot((columns - 120) / 40, (rows - 100) / 60) > 1.3
    assert (made.pixels[beyond] == before.pixels[beyond]).all()
    assert made.pixels.dtype == dtype


def test_a_small_radius_is_raised_to_what_hides_a_face() -> None:
    large = Oval(120, 100, 80, 90, 0)
    fine = np.zeros((200, 240, 3), np.uint8)
    fine[:, 100:140] = 255
    made = [blur_ovals(Image(fine), [large], radius, lambda: None).pixels[100].astype(float) for radius in (1, LEAST * 160, 60)]
    np.testing.assert_array_equal(made[0], made[1])
    assert made[0][120].max() < 0.75 * 255
    assert made[2][120].max() < made[0][120].max()


def test_what_is_transparent_lends_no_colour() -> None:
    pixels = np.zeros((200, 240, 3), np.uint8)
    pixels[:, :120], pixels[:, 120:] = (200, 60, 60), (0, 255, 0)
    alpha = np.zeros((200, 240), np.uint8)
    alpha[:, :120] = 255
    made = blur_ovals(Image(pixels, alpha), [Oval(110, 100, 40, 60, 0)], 20, lambda: None)
    assert np.abs(made.pixels[80:120, 90:115].astype(int) - (200, 60, 60)).max() <= 2
    assert made.alpha is alpha


@pytest.mark.parametrize("tilt", [0.0, 0.6, -1.2])
@pytest.mark.parametrize("sure", [1.0, 0.0])
def test_the_oval_covers_hair_line_and_chin_and_follows_the_head(tilt: float, sure: float) -> None:
    oval = oval_of(mesh(tilt, sure))
    assert oval.tilt == pytest.approx(tilt, abs=0.01)
    up = np.array([np.sin(tilt), -np.cos(tilt)])
    for point in (np.array([120, 100]) + 60 * up, np.array([120, 100]) - 50 * up):
        x, y = (int(each) for each in point)
        assert oval.weights(slice(y, y + 1), slice(x, x + 1))[0, 0] > 0.99
    side = np.array([np.cos(tilt), np.sin(tilt)])
    x, y = (int(each) for each in np.array([120, 100]) + 75 * side)
    assert oval.weights(slice(y, y + 1), slice(x, x + 1))[0, 0] == 0


def test_ovals_that_reach_beyond_the_picture() -> None:
    before = picture()
    made = blur_ovals(before, [Oval(0, 0, 40, 60, 0.3), Oval(900, 900, 20, 20, 0)], 30, lambda: None)
    assert np.abs(made.pixels[:20, :15].astype(int) - 120).max() < 12
    assert (made.pixels[150:] == before.pixels[150:]).all()


def test_no_face_changes_nothing_and_a_call_can_end_it() -> None:
    before = picture()
    assert blur_ovals(before, [], 30, lambda: None) is before

    def stop() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        blur_ovals(before, [Oval(120, 100, 40, 60, 0)], 30, stop)
