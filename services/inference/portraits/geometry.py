"""Which part of a picture a document's photo shows, and where its copies are on a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.pictures.geometry import Size
from services.pictures.passport_photos import HeadFrame, pixels

_GAP_MM = 2.0
"""Between copies on a sheet."""
_NEARLY_MM = 1e-6
"""The tolerance of a sum of lengths."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a head is, as shares of a picture's height and, for `center_x`, of its width. It may be partly outside."""

    crown_y: float
    """The top of the hair."""
    eyes_y: float
    chin_y: float
    center_x: float


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a picture in pixels, not whole ones, perhaps with what is outside of the picture."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Framing:
    """The caller's changes to a photo: a factor for the size of the head, and a shift as a share of the photo's size."""

    zoom: float = 1.0
    right: float = 0.0
    down: float = 0.0


@dataclass(frozen=True, slots=True)
class Paper:
    """A sheet."""

    name: str
    width_mm: float
    height_mm: float


PAPERS = (Paper("4x6", 102, 152), Paper("a4", 210, 297))
"""Those that there are, upright."""


def window(head: Head, picture: Size, photo: Size, frame: HeadFrame, framing: Framing) -> Window:
    """The part of a picture that a photo of this size in pixels shows, for the head to be as the frame says.

    The head is as high as the middle of what is allowed, the eyes are at their height, and the face is in the middle. Zoom and moves are
    about that: the zoom keeps the middle of the photo where it is.
    """
    high = (head.chin_y - head.crown_y) * picture[1] / frame.head
    wide = high * photo[0] / photo[1]
    middle_x = head.center_x * picture[0]
    middle_y = head.eyes_y * picture[1] - (1 - frame.eyes) * high + high / 2
    shown_wide, shown_high = wide / framing.zoom, high / framing.zoom
    return Window(
        middle_x - shown_wide / 2 + framing.right * shown_wide,
        middle_y - shown_high / 2 + framing.down * shown_high,
        shown_wide,
        shown_high,
    )


def head_within(head: Head, picture: Size, part: Window) -> tuple[float, float]:
    """The crown and the chin, as shares of the part's height from its top: below 0 or above 1 if they are outside."""
    crown, chin = ((y * picture[1] - part.top) / part.height for y in (head.crown_y, head.chin_y))
    return crown, chin


def places(paper: Paper, width_mm: float, height_mm: float) -> Sequence[tuple[float, float]]:
    """The left and the upper edges, in millimetres, of as many copies of this size as fit on a sheet, row by row; none if none does.

    Copies are upright, 2 mm apart, and together in the middle.
    """
    columns, rows = (_fitting(side, copy) for side, copy in ((paper.width_mm, width_mm), (paper.height_mm, height_mm)))
    left = (paper.width_mm - columns * (width_mm + _GAP_MM) + _GAP_MM) / 2
    top = (paper.height_mm - rows * (height_mm + _GAP_MM) + _GAP_MM) / 2
    return [(left + column * (width_mm + _GAP_MM), top + row * (height_mm + _GAP_MM)) for row in range(rows) for column in range(columns)]


def _fitting(side: float, copy: float) -> int:
    return int((side + _GAP_MM + _NEARLY_MM) // (copy + _GAP_MM))


def size_of(width_mm: float, height_mm: float, dpi: float) -> Size:
    """Width and height in pixels."""
    return pixels(width_mm, dpi), pixels(height_mm, dpi)
