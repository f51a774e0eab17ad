"""Pages of a document as PDFium shows them: turned as they say, cut to their crop boxes, with forms and annotations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
from pypdfium2 import raw

from services.inference.contract.flow import WholeFile
from services.inference.media.colour import Pixels
from services.inference.pdf.document import corrupt, mend
from services.inference.pdf.rendering import POINTS, open_document
from services.pictures.geometry import Size
from services.platform.errors import DarkroomError, ErrorReason

_FLAGS = raw.FPDF_ANNOT | raw.FPDF_REVERSE_BYTE_ORDER
_WHITE = 0xFFFFFFFF
_ROWS = 256


def path_of(file: WholeFile) -> Path:
    """Where PDFium, which wants a path, finds a file."""
    return file.source if isinstance(file.source, Path) else Path(f"/proc/self/fd/{file.source}")


@contextmanager
def readable(source: Path, scratch: Path) -> Iterator[pdfium.PdfDocument]:
    """The document in a file, with its forms; of a damaged one what qpdf can recover, which goes to a file in the folder `scratch`.

    Raises FILE_CORRUPT and FILE_ENCRYPTED.
    """
    try:
        document = open_document(source)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
            raise DarkroomError(ErrorReason.FILE_ENCRYPTED, "The document needs a password.") from error
        mended = scratch / "mended.pdf"
        mend(source, mended)
        try:
            document = open_document(mended)
        except pdfium.PdfiumError as still:
            raise corrupt() from still
    with document:
        if document.get_formtype():
            document.init_forms()
        yield document


@contextmanager
def page_of(document: pdfium.PdfDocument, number: int) -> Iterator[pdfium.PdfPage]:
    """A page, numbered from 1. Raises FILE_CORRUPT."""
    try:
        page = document[number - 1]
    except pdfium.PdfiumError as error:
        raise DarkroomError(ErrorReason.FILE_CORRUPT, f"Page {number} of the document is damaged.") from error
    try:
        yield page
    finally:
        page.close()


def size_at(page: pdfium.PdfPage, dpi: float, unit: float) -> Size:
    """Width and height of the picture of a page, whose unit is as large as so many points, in pixels."""
    width, height = page.get_size()
    return max(1, round(width * unit * dpi / POINTS)), max(1, round(height * unit * dpi / POINTS))


def size_within(page: pdfium.PdfPage, widest: int, highest: int) -> Size:
    """The largest size in pixels that its picture may have."""
    width, height = page.get_size()
    scale = min(widest / width, highest / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def draw_page(document: pdfium.PdfDocument, page: pdfium.PdfPage, size: Size) -> Pixels:
    """The picture of a page on white: height x width x 3."""
    width, height = size
    bitmap = pdfium.PdfBitmap.new_native(width, height, raw.FPDFBitmap_BGR)
    try:
        raw.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, _WHITE)
        raw.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, _FLAGS)
        if document.formenv is not None:
            raw.FPDF_FFLDraw(document.formenv, bitmap, page, 0, 0, width, height, 0, _FLAGS)
        return np.array(bitmap.to_numpy()[..., :3])
    finally:
        bitmap.close()


def gray(pixels: Pixels) -> Pixels:
    """Brightness as ITU-R BT.601 defines it, height x width x 1."""
    out = np.empty((*pixels.shape[:2], 1), np.uint8)
    for row in range(0, pixels.shape[0], _ROWS):
        red, green, blue = np.moveaxis(pixels[row : row + _ROWS].astype(np.uint32), 2, 0)
        out[row : row + _ROWS, :, 0] = (299 * red + 587 * green + 114 * blue + 500) // 1000
    return out
