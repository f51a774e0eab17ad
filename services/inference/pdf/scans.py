"""Pages that are pictures: scans, and documents that were printed to pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pypdfium2 as pdfium
from pypdfium2 import raw

from services.inference.pdf.rendering import open_document, visible

_SCAN = 0.7  # of the page


def large_pictures(page: pdfium.PdfPage, share: float) -> Iterator[tuple[pdfium.PdfImage, float]]:
    """The pictures that cover more than this share of a page, each with its area in square points."""
    left, bottom, right, top = visible(page)
    least = share * (right - left) * (top - bottom)
    for picture in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        x0, y0, x1, y1 = picture.get_bounds()
        if (x1 - x0) * (y1 - y0) > least:
            yield picture, (x1 - x0) * (y1 - y0)


def scanned_pages(source: Path) -> list[int]:
    """The pages, from 1, that a picture covers; none for a document that PDFium cannot open."""
    try:
        with open_document(source) as document:
            return [number + 1 for number in range(len(document)) if any(True for _ in large_pictures(document[number], _SCAN))]
    except pdfium.PdfiumError:
        return []
