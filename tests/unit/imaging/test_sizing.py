"""Sizes that an upscale gives, and how it gets there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darkroom.operations.v1.upscale_pb2 import Upscale
from services.inference.media import Image
from services.inference.media.spool import Spool, file_of
from services.inference.upscaling.sizing import fit_exactly
from services.pictures.enlarging import passes
from services.pictures.result_size import result_size
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.validation import RequestValidator
from tests.unit.imaging.pictures import photo


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        ({}, (1200, 800)),
        ({"factor": 3}, (1800, 1200)),
        ({"factor": 8}, (4800, 3200)),
        ({"width": 900}, (900, 600)),
        ({"height": 1000}, (1500, 1000)),
        ({"longest_side": 1000}, (1000, 667)),
        ({"width": 1000, "height": 667}, (1000, 667)),
        ({"width": 4800, "height": 3200}, (4800, 3200)),
        ({"width": 300}, (300, 200)),
    ],
)
def test_sizes_for_a_picture_of_600_by_400(parameters: dict[str, int], size: tuple[int, int]) -> None:
    RequestValidator().check(Upscale(**parameters))
    assert result_size(Upscale(**parameters), 600, 400) == size


@pytest.mark.parametrize(
    ("parameters", "field", "allowed"),
    [
        ({"width": 4900}, "width", ("at most 4800 × 3200 pixels",)),
        ({"longest_side": 9000}, "longest_side", ("at most 4800 × 3200 pixels",)),
        ({"width": 1000, "height": 1000}, "height", ("1000 × 667", "1500 × 1000")),
    ],
)
def test_sizes_that_are_refused(parameters: dict[str, int], field: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(DarkroomError) as refused:
        result_size(Upscale(**parameters), 600, 400)
    assert (refused.value.reason, refused.value.field, refused.value.allowed) == (ErrorReason.FIELD_INVALID, field, allowed)


@pytest.mark.parametrize(
    "parameters", [{"factor": 2, "width": 100}, {"longest_side": 10, "height": 10}, {"factor": 2, "longest_side": 5}, {"factor": 5}]
)
def test_two_sizes_at_once_are_refused(parameters: dict[str, int]) -> None:
    with pytest.raises(DarkroomError):
        RequestValidator().check(Upscale(**parameters))


@pytest.mark.parametrize(
    ("target", "factors"),
    [
        ((600, 400), ()),
        ((300, 200), ()),
        ((601, 401), (2,)),
        ((1201, 801), (2,)),
        ((1300, 867), (3,)),
        ((3000, 2000), (2, 3)),
        ((4800, 3200), (2, 4)),
    ],
)
def test_the_smallest_enlargement_that_is_enough(target: tuple[int, int], factors: tuple[int, ...]) -> None:
    assert passes(600, 400, *target) == factors


@pytest.mark.parametrize("in_memory_bytes", [0, 1 << 30])
@pytest.mark.parametrize(("width", "height"), [(240, 161), (97, 64), (480, 321)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pictures_are_fitted_exactly(
    width: int, height: int, dtype: type[np.uint8 | np.uint16], in_memory_bytes: int, tmp_path: Path
) -> None:
    scale = np.iinfo(dtype).max // 255
    pixels = (np.asarray(photo(200, 300), dtype) * scale).astype(dtype)
    image = Image(pixels, np.full((200, 300), np.iinfo(dtype).max, dtype))
    result = fit_exactly(image, width, height, Spool(tmp_path, in_memory_bytes), lambda: None)
    assert result.pixels.shape == (height, width, 3)
    assert result.pixels.dtype == dtype
    assert result.alpha is not None
    assert (result.alpha == np.iinfo(dtype).max).all()
    assert (file_of(result.pixels) is None) == (in_memory_bytes > 0)
    np.testing.assert_allclose(result.pixels.mean(axis=(0, 1)), pixels.mean(axis=(0, 1)), rtol=0.02)
