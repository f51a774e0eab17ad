"""The losses of a page, as PDFium sees them: an independent check of where marks that declare themselves were, and how much text they had.

Something that is gone may have belonged to such a mark if it was in marked content of an artifact or of optional content, or in a form, or
if it was an image, or an annotation that is a watermark or in optional content. Anything else is not recorded here, so its loss is noticed.
"""

from __future__ import annotations

import ctypes
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import pypdfium2 as pdfium
from pypdfium2 import raw

from services.inference.pdf.search.geometry import IDENTITY, Box, Matrix, Quad, around, at, product, quad

_MARKED = frozenset({"Artifact", "OC"})
_MOST_OBJECTS = 100_000
_MOST_PLACES = 5_000
_LONGEST_NAME = 64


@dataclass(slots=True)
class Footprint:
    """Where marks were, in the page's own coordinates, and how many characters they had."""

    places: list[Quad] = field(default_factory=list)
    glyphs: int = 0


@dataclass(frozen=True, slots=True)
class _Painted:
    """One page object; two that look the same are equal."""

    kind: int
    place: tuple[int, ...]
    """Its box in tenths of a point."""
    text: str
    in_form: bool


@dataclass(frozen=True, slots=True)
class _Coloured:
    """One page object; two that look the same in the same place are equal."""

    kind: int
    text: str
    colours: tuple[tuple[int, ...], ...]
    box: tuple[int, ...]
    """In tenths of a point."""


def removal_footprint(before: pdfium.PdfPage, after: pdfium.PdfPage) -> Footprint | None:
    """The objects on the page `before` but not `after` that may belong to marks; None for a page of more than 100,000 objects."""
    old, new = _painted(before), _painted(after)
    if old is None or new is None:
        return None
    footprint = Footprint()
    for painted, places in old.items():
        gone = max(0, len(places) - len(new.get(painted, [])))
        declared = [place for place in places if place is not None]
        footprint.places += declared[:gone]
        footprint.glyphs += len(painted.text.strip("\0")) * min(gone, len(declared))
    left = Counter(_annotations(after))
    for box, may_be in _annotations(before):
        left[box, may_be] -= 1
        if left[box, may_be] < 0 and may_be:
            footprint.places.append(quad(IDENTITY, *box))
    return footprint if len(footprint.places) <= _MOST_PLACES else None


def same_elsewhere(before: pdfium.PdfPage, after: pdfium.PdfPage, places: Sequence[Quad]) -> bool:
    """Whether the page `after` has every object of `before` outside these places, in the same place and colours, and no others.

    False for a page of more than 100,000 objects.
    """
    old, new = _coloured(before), _coloured(after)
    if max(old.total(), new.total()) > _MOST_OBJECTS:
        return False
    return not new - old and all(any(_holds(place, each.box) for place in places) for each in (old - new))


def _holds(place: Quad, inner: tuple[int, ...]) -> bool:
    """Whether a place has the middle of a box in it, which is in tenths of a point."""
    x, y = (inner[0] + inner[2]) / 20, (inner[1] + inner[3]) / 20
    turns = [(c - a) * (y - b) - (d - b) * (x - a) for (a, b), (c, d) in zip(place, (*place[1:], place[0]), strict=True)]
    return min(turns) >= 0 or max(turns) <= 0


def _coloured(page: pdfium.PdfPage) -> Counter[_Coloured]:
    """How often the page has each object."""
    found: Counter[_Coloured] = Counter()
    for each, place, text in islice(_objects(page), _MOST_OBJECTS + 1):
        # White space is PDFium's guess from the text around it.
        said = "".join(text.strip("\0").split())
        colours = _colour(each, raw.FPDFPageObj_GetFillColor), _colour(each, raw.FPDFPageObj_GetStrokeColor)
        found[_Coloured(each.type, said, colours, tuple(round(10 * value) for value in around(place)))] += 1
    return found


def _colour(painted: pdfium.PdfObject, get: Callable[..., int]) -> tuple[int, ...]:
    parts = [ctypes.c_uint() for _ in range(4)]
    return tuple(part.value for part in parts) if get(painted, *parts) else ()


def _painted(page: pdfium.PdfPage) -> dict[_Painted, list[Quad | None]] | None:
    """The page's objects, each with its positions; None for a position that does not belong to a mark."""
    found: defaultdict[_Painted, list[Quad | None]] = defaultdict(list)
    for number, (each, place, text) in enumerate(_objects(page)):
        if number == _MOST_OBJECTS:
            return None
        corners = tuple(round(10 * value) for point in place for value in point)
        painted = _Painted(each.type, corners, text, each.level > 0)
        may_be = painted.in_form or each.type == raw.FPDF_PAGEOBJ_IMAGE or not _MARKED.isdisjoint(_marks(each))
        found[painted].append(place if may_be else None)
    return found


def _objects(page: pdfium.PdfPage) -> Iterator[tuple[pdfium.PdfObject, Quad, str]]:
    """The page's objects with their places and text, also those in its forms, of which only what they hold is named."""
    text = page.get_textpage()
    matrices: list[Matrix] = [IDENTITY]
    try:
        for each in page.get_objects():
            del matrices[each.level + 1 :]
            if each.type == raw.FPDF_PAGEOBJ_FORM:
                matrices.append(product(tuple(each.get_matrix().get()), matrices[-1]))
            else:
                yield each, _place(each, matrices[-1]), _text(each, text) if each.type == raw.FPDF_PAGEOBJ_TEXT else ""
    finally:
        text.close()


def _place(painted: pdfium.PdfObject, matrix: Matrix) -> Quad:
    try:
        corners = painted.get_quad_points() if painted.type in (raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_IMAGE) else None
        if corners is not None:
            first, second, third, fourth = (at(matrix, x, y) for x, y in corners)
            return first, second, third, fourth
        return quad(matrix, *painted.get_bounds())
    except pdfium.PdfiumError:  # nothing of it is visible
        return quad(matrix, 0, 0, 0, 0)


def _text(painted: pdfium.PdfObject, page: pdfium.PdfTextPage) -> str:
    size = raw.FPDFTextObj_GetText(painted, page, None, 0)
    buffer = (ctypes.c_ushort * (size // 2))()
    raw.FPDFTextObj_GetText(painted, page, buffer, size)
    return bytes(buffer).decode("utf-16-le", "replace")


def _marks(painted: pdfium.PdfObject) -> Iterator[str]:
    for index in range(raw.FPDFPageObj_CountMarks(painted)):
        buffer, length = (ctypes.c_ushort * _LONGEST_NAME)(), ctypes.c_ulong()
        if raw.FPDFPageObjMark_GetName(raw.FPDFPageObj_GetMark(painted, index), buffer, ctypes.sizeof(buffer), length):
            yield bytes(buffer)[: length.value].decode("utf-16-le", "replace").rstrip("\0")


def _annotations(page: pdfium.PdfPage) -> Iterator[tuple[Box, bool]]:
    """The box of each annotation, and whether it may be a mark."""
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        box = raw.FS_RECTF()
        raw.FPDFAnnot_GetRect(annotation, box)
        may_be = raw.FPDFAnnot_GetSubtype(annotation) == raw.FPDF_ANNOT_WATERMARK or bool(raw.FPDFAnnot_HasKey(annotation, b"OC"))
        raw.FPDFPage_CloseAnnot(annotation)
        yield (box.left, box.bottom, box.right, box.top), may_be
