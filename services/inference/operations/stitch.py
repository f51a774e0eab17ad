"""Put pictures together in a row, a column or a grid."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from darkroom.operations.v1.stitch_pb2 import Stitch
from services.inference.contract.flow import WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Header, Image, read_header
from services.inference.montage.board import Board, board_memory
from services.inference.montage.stitching import Placement, laid_out
from services.inference.montage.tiles import Cut, tile
from services.pictures.geometry import Size
from services.platform.errors import DarkroomError, ErrorReason

_MOST_PIXELS = 400_000_000
"""The limit of results, unless an operator has set another."""


def peak_memory(pictures: Sequence[Header], parameters: Stitch) -> int:
    """Bytes at the peak."""
    layout = laid_out([(picture.width, picture.height) for picture in pictures], parameters)
    # `run` refuses a larger one before it makes anything.
    made = (layout.width, layout.height) if layout.width * layout.height <= _MOST_PIXELS else (1, 1)
    return board_memory(made, pictures)


def run(files: Sequence[WholeFile], parameters: Stitch, step: PlainStep) -> Image:
    """The pictures on their canvas. Raises as `WholeFile.image`, and MEDIA_LIMIT_EXCEEDED for a canvas that is too large."""
    step.label("stitched")
    headers = [read_header(file.content, file.limits, file.hints) for file in files]
    layout = laid_out([(header.width, header.height) for header in headers], parameters)
    _check(layout.width, layout.height, step)
    board = Board((layout.width, layout.height), parameters.background)
    for number, (file, placed) in enumerate(zip(files, layout.pictures, strict=True)):
        step.report(number / len(files), "Putting pictures together")
        board.lay(tile(file, partial(_cut, placed)), placed.left, placed.top, parameters.corner_radius)
    return board.image


def _cut(placed: Placement, _size: Size) -> Cut:
    return placed.cut


def _check(width: int, height: int, step: PlainStep) -> None:
    try:
        step.result_limits.check(width, height)
    except DarkroomError as error:
        message = f"Canvas too large: {width}x{height} pixels ({width * height / 1e6:.1f} megapixels)."
        raise DarkroomError(ErrorReason.MEDIA_LIMIT_EXCEEDED, message, allowed=error.allowed) from error
