"""Pages as PDFium draws them, in their own coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray

POINTS = 72.0
"""Per inch."""


def visible(page: pdfium.PdfPage) -> tuple[float, float, float, float]:
    """The part of a page that is shown (left, bottom, right, top) in its own coordinates, whether set by the page or by its tree."""
    left, bottom, right, top = page.get_bbox()
    return left, bottom, right, top


def unturned(page: pdfium.PdfPage, scale: float, **options: Any) -> NDArray[np.uint8]:
    """The visible part, height x width x 3, `scale` pixels a point; not rotated, whatever the page's own rotation."""
    turned = (360 - page.get_rotation()) % 360
    bitmap = page.render(scale=scale, rotation=turned, rev_byteorder=True, prefer_bgrx=False, **options)
    return np.ascontiguousarray(bitmap.to_numpy()[..., :3])
