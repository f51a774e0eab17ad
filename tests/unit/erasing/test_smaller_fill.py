"""Filling damage in a smaller copy, where the whole picture would take too long."""

from __future__ import annotations

import numpy as np
import pytest

from services.inference.contract.rates import MeasuredRates
from services.inference.erasing.filling import erase_smaller
from services.inference.media import Image
from services.inference.operations.restore_photo import _fill_scale
from services.pictures.processing_time import Way, Work


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_only_masked_pixels_are_taken_from_the_smaller_copy(kind: type[np.unsignedinteger]) -> None:
    level = 60 * (np.iinfo(kind).max // 255)
    pixels = np.full((120, 160, 3), level, kind)
    mask = np.zeros((120, 160), np.bool_)
    mask[40:44, 20:140] = True
    damaged = np.where(mask[..., None], np.iinfo(kind).max, pixels).astype(kind)
    damaged[100:, :] += 7
    shares: list[float] = []
    made = erase_smaller(Image(damaged), mask, 0.5, lambda: None, shares.append).pixels
    assert (made[~mask] == damaged[~mask]).all()
    assert np.abs(made[mask].astype(int) - level).max() <= np.iinfo(kind).max // 100
    assert shares[-1] == 1


def test_the_scale_leaves_time_for_the_rest() -> None:
    rates = MeasuredRates(2, 300)
    way = Way([Work("restore_photo", 12), Work("remove_noise_balanced", 50)], "balanced")
    fitting = (300 - 50 * rates.current["remove_noise_balanced"]) / rates.current["fill"]
    assert _fill_scale(fitting, way, rates) == 1
    assert _fill_scale(4 * fitting, way, rates) == pytest.approx(0.5)
    assert _fill_scale(0, way, rates) == 1
