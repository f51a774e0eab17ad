"""A second check of the result, with another PDF library (PDFium): everything but the mark draws and reads as before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from services.inference.pdf import footprint
from services.inference.pdf.rendering import open_document, render_unrotated, visible
from services.inference.pdf.search.geometry import Quad, upright

_SCALE = 1.0  # pixels a point
_LONGEST = 1400  # pixels a side
_LEVELS = 16  # of 255 by which a pixel may differ: antialiasing next to the removed mark
_STRAY = 4  # pixels that may differ by more
_SLACK = 3.0  # pixels around a mark


class VerificationFailed(RuntimeError):
    """The result is not the source without its marks; it must not be delivered."""


@dataclass(frozen=True, slots=True)
class ExpectedChanges:
    """The allowed differences on a page."""

    places: Sequence[Quad] = ()
    """Where, in the page's own coordinates."""
    glyphs: int = 0
    """How many characters may be missing."""
    allows_declared: bool = False
    """Whether marks that declare themselves may be missing, too: `footprint.lost` says where they were."""


def verify(
    source: Path, target: Path, changed: Mapping[int, ExpectedChanges], on_unchecked: Callable[[int], None] = lambda _page: None
) -> dict[int, str]:
    """The changed pages (from 1) that differ by more than they may, and how. `on_unchecked` gets each page that has too much on it.

    Raises VerificationFailed if the result does not open or has other pages.
    """
    wrong: dict[int, str] = {}
    try:
        with open_document(source) as before, open_document(target) as after:
            if len(before) != len(after):
                raise VerificationFailed(f"{len(before)} pages became {len(after)}")
            for number, expected in sorted(changed.items()):
                difference = _compare(before[number - 1], after[number - 1], expected)
                if difference is None:
                    on_unchecked(number)
                elif difference:
                    wrong[number] = difference
    except pdfium.PdfiumError as error:
        raise VerificationFailed("one of the two documents does not open") from error
    return wrong


def _compare(before: pdfium.PdfPage, after: pdfium.PdfPage, expected: ExpectedChanges) -> str | None:
    """The problem, or an empty text; None if the page has too much on it to be compared."""
    try:
        old, new = _characters(before), _characters(after)
        gained, lost = (new - old).total(), (old - new).total()
        if gained:
            return f"the page gained {gained} characters"
        declared = footprint.removal_footprint(before, after) if expected.allows_declared else footprint.Footprint()
        if declared is None:
            return None
        allowed = expected.glyphs + declared.glyphs
        if lost > allowed:
            return f"{lost - allowed} characters of other text would be lost"
        places = [*expected.places, *declared.places]
        stray = _stray(before, after, places)
        if stray > _STRAY and footprint.same_elsewhere(before, after, places):
            # PDFium draws what is below a blended group once more in the box around it, so what is below looks different there.
            stray = _stray(before, after, [*places, *map(upright, places)])
        return f"{stray} pixels away from the mark would change" if stray > _STRAY else ""
    finally:
        before.close()
        after.close()


def _stray(before: pdfium.PdfPage, after: pdfium.PdfPage, places: Sequence[Quad]) -> int:
    left, bottom, right, top = visible(before)
    scale = min(_SCALE, _LONGEST / max(right - left, top - bottom))
    old, new = render_unrotated(before, scale), render_unrotated(after, scale)
    if old.shape != new.shape:
        return old.size
    beyond = np.maximum(old, new) - np.minimum(old, new) > _LEVELS
    # One channel after the other: NumPy takes many times as long for the largest of three neighbours.
    differs = beyond[..., 0] | beyond[..., 1] | beyond[..., 2]
    return int((differs & ~_covered(places, (left, top), scale, old.shape[:2])).sum())


def _covered(places: Sequence[Quad], corner: tuple[float, float], scale: float, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = Image.new("1", (shape[1], shape[0]))
    draw = ImageDraw.Draw(mask)
    for place in places:
        points = [((x - corner[0]) * scale, (corner[1] - y) * scale) for x, y in place]
        draw.polygon(points, fill=1)
        draw.line([*points, points[0]], fill=1, width=round(2 * _SLACK))
        for x, y in points:
            draw.ellipse((x - _SLACK, y - _SLACK, x + _SLACK, y + _SLACK), fill=1)
    return np.asarray(mask)


def _characters(page: pdfium.PdfPage) -> Counter[str]:
    text = page.get_textpage()
    try:
        # White space is PDFium's guess from the distances between characters.
        return Counter(character for character in text.get_text_bounded() if character.isprintable() and character != " ")
    finally:
        text.close()
