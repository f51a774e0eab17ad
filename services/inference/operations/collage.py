"""Put pictures together in the cells of a template."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from darkroom.operations.v1.collage_pb2 import Collage, CollageCell, CollageTemplate
from darkroom.operations.v1.placement_pb2 import FIT_BOUNDS
from services.inference.contract.flow import WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image
from services.inference.montage.board import Board, board_memory
from services.inference.montage.collages import cell_cut, rectangles
from services.inference.montage.templates import TEMPLATES
from services.inference.montage.tiles import Cut, tile
from services.pictures.geometry import Size

_WIDTH, _HEIGHT = 2400, 1800
_PREFIX = "COLLAGE_TEMPLATE_"


def peak_memory(pictures: Sequence[Header], parameters: Collage) -> int:
    """Bytes at the peak."""
    return board_memory(_size(parameters), pictures)


def run(files: Sequence[WholeFile], parameters: Collage, step: PlainStep) -> Image:
    """The pictures in their cells. Raises as `WholeFile.image`, FIELD_INVALID for gaps that leave no room, and MEDIA_LIMIT_EXCEEDED."""
    step.label("collage")
    size = _size(parameters)
    step.result_limits.check(*size, "The result")
    template = TEMPLATES[CollageTemplate.Name(parameters.template).removeprefix(_PREFIX).lower()]
    cells = rectangles(template, size, parameters.gap)
    board = Board(size, parameters.background)
    for number, cell in enumerate(cells):
        step.report(number / len(cells), "Putting pictures together")
        asked = parameters.cells[number] if number < len(parameters.cells) else CollageCell(picture=number)
        if asked.picture < len(files):
            box = cell.width, cell.height
            part = tile(files[asked.picture], partial(_cut, asked, box))
            board.lay(part, cell.left, cell.top, parameters.corner_radius, box)
    return board.image


def _cut(asked: CollageCell, box: Size, size: Size) -> Cut:
    return cell_cut(size, box, whole=asked.fit == FIT_BOUNDS, zoom=asked.zoom or 1.0, pan=(asked.pan_x, asked.pan_y))


def _size(parameters: Collage) -> Size:
    return parameters.width or _WIDTH, parameters.height or _HEIGHT
