"""QR codes, drawn to a size in pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyvips
import segno
import segno.encoder

from darkroom.operations.v1.qr_code_pb2 import (
    QR_ERROR_CORRECTION_H,
    QR_ERROR_CORRECTION_L,
    QR_ERROR_CORRECTION_Q,
    QR_STYLE_DOTS,
    QR_STYLE_ROUNDED,
    QrCode,
    QrErrorCorrection,
    QrStyle,
)
from services.inference.media.colour import array_from_vips, to_8bit
from services.platform.errors import DarkroomError, ErrorReason

Modules = npt.NDArray[np.bool_]
_LEVELS: Mapping[QrErrorCorrection.ValueType, str] = {QR_ERROR_CORRECTION_L: "L", QR_ERROR_CORRECTION_Q: "Q", QR_ERROR_CORRECTION_H: "H"}
_FINDER = 7
"""Modules of a side of a position detection pattern."""
_DOT_RADIUS = 0.44
_CORNER = 0.5


def modules_of(text: str, level: QrErrorCorrection.ValueType) -> Modules:
    """The dark modules of the smallest code for a text. Raises FIELD_INVALID for one that is too long."""
    try:
        code = segno.make(text, error=_LEVELS.get(level, "M"), micro=False, boost_error=False)
    except segno.encoder.DataOverflowError as error:
        message = "text: it is too long for a QR code with this error correction."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="text") from error
    return np.array(code.matrix, np.uint8).astype(bool)


def coverage(modules: Modules, quiet: int, size: int, style: QrStyle.ValueType) -> npt.NDArray[np.uint8]:
    """How dark each of size × size pixels is, 0 to 255. Raises FIELD_INVALID for less than a pixel a module."""
    count = len(modules) + 2 * quiet
    if size < count:
        message = f"size: {size} pixels are too few for {count} × {count} modules."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="size", allowed=(f"at least {count}",))
    if style in (QR_STYLE_DOTS, QR_STYLE_ROUNDED):
        return _drawn(modules, quiet, size, style)
    whole = np.pad(modules, quiet)
    # Every module is a rectangle of whole pixels, so edges stay sharp.
    at = (np.arange(size) * 2 + 1) * count // (2 * size)
    return np.where(whole[np.ix_(at, at)], np.uint8(255), np.uint8(0))


def _drawn(modules: Modules, quiet: int, size: int, style: QrStyle.ValueType) -> npt.NDArray[np.uint8]:
    count = len(modules) + 2 * quiet
    paths = [_finder(column, row) for column, row in _finders(len(modules))]
    inside = modules.copy()
    for column, row in _finders(len(modules)):
        inside[row : row + _FINDER, column : column + _FINDER] = False
    for row, column in np.argwhere(inside):
        paths.append(_dot(column, row) if style == QR_STYLE_DOTS else _rounded(inside, int(row), int(column)))
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="{-quiet} {-quiet} {count} {count}">'
        f'<path fill="#fff" fill-rule="evenodd" d="{"".join(paths)}"/></svg>'
    )
    picture = pyvips.Image.svgload_buffer(drawing.encode(), unlimited=True)
    return to_8bit(array_from_vips(picture[3])[..., 0])


def _finders(side: int) -> Sequence[tuple[int, int]]:
    return [(0, 0), (side - _FINDER, 0), (0, side - _FINDER)]


def _finder(column: int, row: int) -> str:
    """A ring and a square in it, with round corners."""
    return "".join(_box(column + inset, row + inset, _FINDER - 2 * inset, radius) for inset, radius in ((0, 2.0), (1, 1.4), (2, 0.9)))


def _box(left: float, top: float, side: float, radius: float) -> str:
    straight, arc = side - 2 * radius, f"a{radius} {radius} 0 0 1"
    return (
        f"M{left + radius} {top}h{straight}{arc} {radius} {radius}v{straight}{arc} {-radius} {radius}"
        f"h{-straight}{arc} {-radius} {-radius}v{-straight}{arc} {radius} {-radius}z"
    )


def _dot(column: int, row: int) -> str:
    radius = _DOT_RADIUS
    arc = f"a{radius} {radius} 0 1 1"
    return f"M{column + 0.5 - radius} {row + 0.5}{arc} {2 * radius} 0{arc} {-2 * radius} 0z"


def _rounded(modules: Modules, row: int, column: int) -> str:
    """A square whose corners are round where it has no neighbour on either side."""
    last = len(modules) - 1
    up, down = row > 0 and modules[row - 1, column], row < last and modules[row + 1, column]
    left, right = column > 0 and modules[row, column - 1], column < last and modules[row, column + 1]
    corners = [0 if beside else _CORNER for beside in (up or left, up or right, down or right, down or left)]
    first, second, third, fourth = corners
    path = f"M{column + first} {row}H{column + 1 - second}" + _arc(second, second, second)
    path += f"V{row + 1 - third}" + _arc(third, -third, third)
    path += f"H{column + fourth}" + _arc(fourth, -fourth, -fourth)
    return path + f"V{row + first}" + _arc(first, first, -first) + "z"


def _arc(radius: float, across: float, down: float) -> str:
    return f"a{radius} {radius} 0 0 1 {across} {down}" if radius else ""


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """The contrast ratio of two sRGB colours, 1 to 21 (WCAG 2.2, 1.4.3)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: tuple[int, int, int]) -> float:
    light = [sample / 255 / 12.92 if sample <= 10 else ((sample / 255 + 0.055) / 1.055) ** 2.4 for sample in colour]
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


def is_light_on_dark(parameters: QrCode, foreground: tuple[int, int, int], background: tuple[int, int, int]) -> bool:
    """Whether the modules are lighter than what is around them, which not every reader can read."""
    return parameters.background != "transparent" and _luminance(foreground) > _luminance(background)
