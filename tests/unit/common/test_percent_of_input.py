"""Resizes in per cent of the task's input."""

from __future__ import annotations

from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS
from darkroom.operations.v1.resize_pb2 import Resize
from services.common.geometry import fitting, of_input


def test_percentages_of_the_input_are_resolved_by_its_size() -> None:
    resize = Resize(width_percent=50, height_percent=100, fit=FIT_BOUNDS, percent_of_input=True)
    resolved = of_input(resize, 201, 100)
    assert resolved == Resize(width=100, height=100, fit=FIT_BOUNDS)
    # What was cut out of it fits into that.
    assert fitting(resolved, 20, 40).result == (50, 100)


def test_others_are_of_the_picture_itself() -> None:
    resize = Resize(width_percent=50, fit=FIT_BOUNDS)
    assert of_input(resize, 200, 100) is resize
    assert fitting(resize, 20, 40).result == (10, 20)
