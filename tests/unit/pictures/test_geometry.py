"""The sizes and areas of resize, crop and pad."""

from __future__ import annotations

from itertools import product

import pytest

from darkroom.operations.v1.crop_pb2 import Crop, PixelArea
from darkroom.operations.v1.pad_pb2 import Pad
from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS, FIT_CANVAS, FIT_COVER, FIT_CROP, FIT_FILL, FIT_UNSPECIFIED
from darkroom.operations.v1.remove_watermark_pb2 import PercentBox
from darkroom.operations.v1.resize_pb2 import Resize
from services.pictures.geometry import Area, cropped_area
from services.pictures.result_size import Fitting, fitting, fixed_size, padding
from services.platform.errors import DarkroomError, ErrorReason

SIDES = (1, 2, 3, 7, 64, 101, 1000)


def test_without_a_size_nothing_changes() -> None:
    for fit in (FIT_UNSPECIFIED, FIT_CROP, FIT_CANVAS, FIT_FILL):
        assert fitting(Resize(fit=fit), 30, 20) == Fitting((30, 20), (30, 20))


@pytest.mark.parametrize(
    ("resize", "scaled", "result"),
    [
        (Resize(width=300), (300, 200), (300, 200)),
        (Resize(height=1000), (1500, 1000), (1500, 1000)),
        (Resize(width=300, fit=FIT_CROP), (600, 400), (300, 400)),
        (Resize(width=1200, fit=FIT_CROP), (1200, 800), (1200, 400)),
        (Resize(width=300, height=300), (300, 200), (300, 200)),
        (Resize(width=300, height=300, fit=FIT_COVER), (450, 300), (450, 300)),
        (Resize(width=300, height=300, fit=FIT_CROP), (450, 300), (300, 300)),
        (Resize(width=300, height=300, fit=FIT_CANVAS), (300, 200), (300, 300)),
        (Resize(width=300, height=300, fit=FIT_FILL), (300, 300), (300, 300)),
        (Resize(width_percent=50), (300, 200), (300, 200)),
        (Resize(width_percent=200, height_percent=200, fit=FIT_CROP), (1200, 800), (1200, 800)),
        (Resize(width_percent=200, fit=FIT_CROP), (1200, 800), (1200, 400)),
        (Resize(width_percent=0.01), (1, 1), (1, 1)),
        (Resize(width=900, without_enlargement=True), (600, 400), (600, 400)),
        (Resize(width=900, height=100, without_enlargement=True, fit=FIT_COVER), (600, 400), (600, 400)),
        (Resize(width=900, height=100, without_enlargement=True, fit=FIT_CROP), (600, 400), (600, 100)),
        (Resize(width=900, height=500, without_enlargement=True, fit=FIT_CANVAS), (600, 400), (900, 500)),
        (Resize(width=900, height=100, without_enlargement=True, fit=FIT_FILL), (600, 100), (600, 100)),
    ],
)
def test_each_fit(resize: Resize, scaled: tuple[int, int], result: tuple[int, int]) -> None:
    assert fitting(resize, 600, 400) == Fitting(scaled, result)


def test_whatever_the_sizes_each_fit_keeps_its_promise() -> None:
    for width, height, wide, high in product(SIDES, repeat=4):
        for fit in (FIT_CROP, FIT_CANVAS, FIT_FILL):
            found = fitting(Resize(width=wide, height=high, fit=fit), width, height)
            assert found.result == (wide, high)
            assert fixed_size(Resize(width=wide, height=high, fit=fit)) == (wide, high)
        cover = fitting(Resize(width=wide, height=high, fit=FIT_COVER), width, height)
        assert cover.scaled_size == cover.result
        assert cover.scaled_size[0] >= wide
        assert cover.scaled_size[1] >= high
        bounds = fitting(Resize(width=wide, height=high, fit=FIT_BOUNDS), width, height).scaled_size
        assert bounds[0] <= wide
        assert bounds[1] <= high
        assert bounds[0] == wide or bounds[1] == high
        crop = fitting(Resize(width=wide, height=high, fit=FIT_CROP, without_enlargement=True), width, height)
        assert crop.result == (min(wide, width), min(high, height))
        assert crop.scaled_size[0] >= crop.result[0]
        assert crop.scaled_size[1] >= crop.result[1]


def test_a_size_that_depends_on_the_picture_is_not_fixed() -> None:
    for resize in (Resize(width=5), Resize(width=5, height=5), Resize(width_percent=5, height_percent=5, fit=FIT_FILL)):
        assert fixed_size(resize) is None
    assert fixed_size(Resize(width=5, height=5, fit=FIT_CROP, without_enlargement=True)) is None


@pytest.mark.parametrize(
    ("crop", "area"),
    [
        (Crop(area=PixelArea(left=10, top=20, width=30, height=40)), Area(10, 20, 30, 40)),
        (Crop(percent_area=PercentBox(x1=25, y1=0, x2=75, y2=50)), Area(150, 0, 300, 200)),
        (Crop(percent_area=PercentBox(x1=99.99, y1=99.99, x2=100, y2=100)), Area(599, 399, 1, 1)),
        (Crop(aspect_ratio="1:1"), Area(100, 0, 400, 400)),
        (Crop(aspect_ratio="3:1"), Area(0, 100, 600, 200)),
        (Crop(aspect_ratio="3:2"), Area(0, 0, 600, 400)),
        (Crop(aspect_ratio="99999:1"), Area(0, 199, 600, 1)),
    ],
)
def test_each_way_to_crop(crop: Crop, area: Area) -> None:
    assert cropped_area(crop, 600, 400) == area


def test_an_area_past_the_edge_is_refused() -> None:
    with pytest.raises(DarkroomError) as refused:
        cropped_area(Crop(area=PixelArea(left=571, width=30, height=1)), 600, 400)
    assert (refused.value.reason, refused.value.field) == (ErrorReason.FIELD_INVALID, "area")
    assert refused.value.allowed == ("an area within 600 × 400 pixels",)


def test_borders_add_to_the_size_or_shrink_the_picture() -> None:
    assert padding(Pad(horizontal=5, vertical=7), 600, 400).result == (610, 414)
    assert padding(Pad(horizontal_percent=10), 600, 400).result == (720, 400)
    kept = padding(Pad(horizontal_percent=10, vertical_percent=10, keep_size=True), 600, 400)
    assert (kept.result, kept.inner, kept.left, kept.top) == ((600, 400), (480, 320), 60, 40)
    narrow = padding(Pad(horizontal_percent=25, keep_size=True), 600, 400)
    assert (narrow.inner, narrow.left, narrow.top) == ((300, 200), 150, 100)
    assert padding(Pad(horizontal_percent=50, vertical_percent=50, keep_size=True), 1, 1).inner == (1, 1)


def test_a_border_in_pixels_must_leave_something() -> None:
    with pytest.raises(DarkroomError) as refused:
        padding(Pad(vertical=200, keep_size=True), 600, 400)
    assert (refused.value.field, refused.value.allowed) == ("vertical", ("at most 199 pixels",))
