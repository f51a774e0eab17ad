"""The cells of collages, and what they show."""

from __future__ import annotations

import numpy as np
import pytest

from darkroom.operations.v1.collage_pb2 import CollageTemplate
from services.inference.montage.collages import Rectangle, cell_cut, rectangles
from services.inference.montage.templates import TEMPLATES
from services.inference.montage.tiles import Cut
from services.platform.errors import DarkroomError, ErrorReason


def test_every_template_is_there() -> None:
    names = [name.removeprefix("COLLAGE_TEMPLATE_").lower() for name in CollageTemplate.keys()]  # noqa: SIM118 - an enum, no dict
    assert list(TEMPLATES) == names[1:]


@pytest.mark.parametrize("gap", [0, 8, 33])
@pytest.mark.parametrize("size", [(2400, 1800), (1350, 2400), (997, 499)])
@pytest.mark.parametrize("name", TEMPLATES)
def test_cells_fill_the_canvas_but_for_the_gaps(name: str, size: tuple[int, int], gap: int) -> None:
    template = TEMPLATES[name]
    assert len(template.cells) == int(name[0])
    canvas = np.zeros(size[::-1], np.uint8)
    for cell in rectangles(template, size, gap):
        # With the gap on its right and below it.
        canvas[cell.top : cell.top + cell.height + gap, cell.left : cell.left + cell.width + gap] += 1
    assert (canvas[gap:, gap:] == 1).all()
    assert not canvas[:gap].any()
    assert not canvas[:, :gap].any()


def test_edges_are_rounded() -> None:
    assert rectangles(TEMPLATES["3_left_large"], (100, 101), 5) == [
        Rectangle(5, 5, 57, 91),
        Rectangle(67, 5, 28, 43),
        Rectangle(67, 53, 28, 43),
    ]


def test_a_gap_leaves_room() -> None:
    with pytest.raises(DarkroomError) as raised:
        rectangles(TEMPLATES["9_grid"], (2400, 1800), 500)
    assert raised.value.reason is ErrorReason.FIELD_INVALID


@pytest.mark.parametrize(
    ("whole", "zoom", "pan", "cut"),
    [
        (False, 1, (0, 0), Cut((200, 100), 50, 0, 100, 100)),
        (False, 1, (-100, 0), Cut((200, 100), 0, 0, 100, 100)),
        (False, 1, (100, 50), Cut((200, 100), 100, 0, 100, 100)),
        (False, 2, (0, 100), Cut((400, 200), 150, 100, 100, 100)),
        (True, 1, (100, 100), Cut((100, 50), 0, 0, 100, 50)),
        (True, 4, (100, -100), Cut((400, 200), 300, 0, 100, 100)),
    ],
)
def test_what_a_cell_shows(whole: bool, zoom: float, pan: tuple[float, float], cut: Cut) -> None:
    assert cell_cut((40, 20), (100, 100), whole=whole, zoom=zoom, pan=pan) == cut


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("size", [(65535, 1), (1, 65535), (1, 1), (333, 777)])
def test_what_is_shown_is_within_the_picture_and_the_cell(size: tuple[int, int], whole: bool) -> None:
    cut = cell_cut(size, (123, 45), whole=whole, zoom=1.3, pan=(100, 100))
    assert 0 < cut.left + cut.width <= cut.scaled_size[0]
    assert 0 < cut.top + cut.height <= cut.scaled_size[1]
    assert (cut.width, cut.height) == (123, 45) if not whole else (cut.width <= 123 and cut.height <= 45)
