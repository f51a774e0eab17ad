from __future__ import annotations

import numpy as np
import pytest

from models.contract import Contract
from models.tiny import tiny_model
from tests.unit.models.ncnn_files import evaluate


def test_the_tiny_matte_separates_a_subject_from_the_colour_of_the_border() -> None:
    pictures = np.full((2, 64, 64, 3), (40, 90, 200), dtype=np.uint8)
    pictures[0, 20:40, 10:30] = (230, 90, 200)
    pictures[1, 20:40, 10:30] = (40, 90, 152)  # 48 levels off: half of the way from background to foreground

    alpha = evaluate(tiny_model(Contract("matte", 64, 64)), image=pictures)

    assert alpha.shape == (2, 64, 64, 1)
    assert alpha.dtype == np.uint8
    expected = np.zeros((2, 64, 64, 1), dtype=np.uint8)
    expected[0, 20:40, 10:30] = 255
    expected[1, 20:40, 10:30] = 128
    np.testing.assert_array_equal(alpha, expected)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_tiny_upscaler_enlarges_without_moving_the_picture(scale: int) -> None:
    ramp = np.broadcast_to(np.arange(0, 200, 10, dtype=np.uint8)[:, None], (5, 20, 3))[None]

    enlarged = evaluate(tiny_model(Contract("upscale", scale=scale)), image=ramp.copy())

    assert enlarged.shape == (1, 5 * scale, 20 * scale, 3)
    blocks = enlarged.astype(np.float64).reshape(5, scale, 20, scale, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(blocks[:, 1:-1], ramp[0, :, 1:-1], atol=0.5)


def test_the_tiny_reader_reads_ink() -> None:
    lines = np.full((1, 48, 40, 3), 255, dtype=np.uint8)
    lines[0, :24, 8:16] = 0
    lines[0, :, 24:32] = 0

    read = evaluate(tiny_model(Contract("read", 48)), image=lines)

    assert read.shape == (1, 1, 5, 4)
    assert read[0, 0].tolist() == [[0, 0, code, 255] for code in (0, ord("m"), 0, ord("z"), 0)]


def test_the_tiny_finder_of_paint_finds_white_paint_wherever_the_mark_is_said_to_be() -> None:
    pictures = np.full((2, 64, 96, 4), (90, 90, 90, 0), dtype=np.uint8)
    pictures[:, 20:30, 40:44, :3] = (250, 250, 200)
    pictures[1, ..., 3] = 255

    paint = evaluate(tiny_model(Contract("paint")), image=pictures)

    assert paint.shape == (2, 64, 96, 5)
    assert paint[0, 25, 42].tolist() == [255, 128, 128, 128, 128]
    assert not paint[0, 40:].any()
    np.testing.assert_array_equal(paint[0], paint[1])
