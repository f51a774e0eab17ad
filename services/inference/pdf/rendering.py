"""Pages as PDFium draws them, in their own coordinates."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from pypdfium2 import raw

POINTS = 72.0
"""Per inch."""


def open_document(path: Path) -> pdfium.PdfDocument:
    """The document in a file, found by exactly this path: PdfDocument itself looks for where a link leads, which a confined process may
    not. Raises PdfiumError."""
    handle = raw.FPDF_LoadDocument(os.fsencode(path) + b"\0", None)
    if raw.FPDF_GetPageCount(handle) < 1:
        raise pdfium.PdfiumError("the document does not open", err_code=raw.FPDF_GetLastError())
    return pdfium.PdfDocument(handle)


def visible(page: pdfium.PdfPage) -> tuple[float, float, float, float]:
    """The part of a page that is shown (left, bottom, right, top) in its own coordinates, whether set by the page or by its tree."""
    left, bottom, right, top = page.get_bbox()
    return left, bottom, right, top


def render_unrotated(page: pdfium.PdfPage, scale: float, **options: Any) -> NDArray[np.uint8]:
    """The visible part, height x width x 3, `scale` pixels a point; not rotated, whatever the page's own rotation."""
    turned = (360 - page.get_rotation()) % 360
    bitmap = page.render(scale=scale, rotation=turned, rev_byteorder=True, prefer_bgrx=False, **options)
    return np.ascontiguousarray(bitmap.to_numpy()[..., :3])
