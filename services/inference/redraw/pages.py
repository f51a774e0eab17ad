"""The data that a child process reads from a document: pages as pictures, and their text."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2 as pdfium
from pypdfium2 import raw

from services.inference.pdf.document import QPDF_ERRORS, corrupt, encrypted, mend
from services.inference.pdf.rendering import POINTS, open_document, render_unrotated, visible
from services.inference.pdf.scans import large_pictures
from services.inference.pdf.texts import DAMAGE_WARNING, ENCRYPTION_WARNING
from services.platform.errors import DarkroomError, ErrorReason

_USUAL_DPI, _LEAST_DPI, _MOST_DPI = 200.0, 150.0, 300.0
_COARSE_DPI = 72.0  # below this, print is no longer legible
_MOST_PIXELS = 25_000_000
_HARMLESS = "a common error handled correctly"
"""In qpdf's warnings of what many programs write, and all read alike."""
_LARGE_PICTURE = 0.3  # of the page: it is a scan, and the page gets its resolution


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one line and direction: origin in the page's own coordinates, size and length in points, tilt in degrees."""

    text: str
    x: float
    y: float
    size: float
    length: float
    tilt: float


def count_pages(source: Path) -> int:
    """Pages of a document. Raises FILE_CORRUPT and FILE_ENCRYPTED."""
    with _opened(source) as document:
        return len(document)


def settle(source: Path, target: Path) -> dict[str, Any]:
    """Count the pages, and if PDFium and qpdf may read the document differently, write what qpdf can recover of it to `target`.

    The former draws pages, the latter puts them back. Returns the number of `pages`, whether the document was `mended`, and `warnings` for
    people about that. Raises FILE_CORRUPT and FILE_ENCRYPTED.
    """
    warnings = [DAMAGE_WARNING]
    try:
        with pikepdf.open(source, suppress_warnings=True, access_mode=pikepdf.AccessMode.stream) as document:
            pages = len(document.pages)
            sound = all(_HARMLESS in str(warning) for warning in document.get_warnings())
            warnings += [ENCRYPTION_WARNING] if document.is_encrypted else []
    except pikepdf.PasswordError as error:
        raise encrypted() from error
    except QPDF_ERRORS:
        pages, sound = 0, False
    if sound and count_pages(source) == pages:
        return {"pages": pages, "mended": False, "warnings": []}
    mend(source, target)
    return {"pages": count_pages(target), "mended": True, "warnings": warnings}


def render_page(source: Path, number: int, target: Path) -> dict[str, Any]:
    """Write page `number` (from 0), not rotated, to `target` as RGB samples, and describe it.

    `shape` is that of the samples, `box` the page's visible part in its own coordinates (left, bottom, right, top), which the samples show,
    `turned` by how many degrees clockwise the page is shown, `runs` its text, and `pictured` whether a picture covers much of it, as in a
    scan. The resolution is that of the picture that fills a scanned page, else 200 dots per inch, limited to 25 megapixels. For a page that
    this limit would take below 72 dots per inch, only `too_large` is returned: its width and height in inches. Raises FILE_CORRUPT and
    FILE_ENCRYPTED.
    """
    with _opened(source) as document:
        try:
            if document.get_formtype():
                # Fields may have values that only a viewer draws.
                document.init_forms()
            page = document[number]
            left, bottom, right, top = visible(page)
            width, height = right - left, top - bottom
            densities = _densities(page)
            dpi = min(_resolution(densities), math.sqrt(_MOST_PIXELS / (width * height)) * POINTS)
            if dpi < _COARSE_DPI:
                return {"too_large": [width / POINTS, height / POINTS]}
            # Not rotated: a page's own coordinates are also those of its links and text.
            samples = render_unrotated(page, dpi / POINTS)
            samples.tofile(target)
            runs = [asdict(run) for run in _runs(page)]
            box, turned = [left, bottom, right, top], page.get_rotation()
            return {"shape": samples.shape, "box": box, "turned": turned, "runs": runs, "pictured": bool(densities)}
        except pdfium.PdfiumError as error:
            raise corrupt() from error


def _opened(source: Path) -> pdfium.PdfDocument:
    try:
        return open_document(source)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
            raise DarkroomError(ErrorReason.FILE_ENCRYPTED, "The document needs a password.") from error
        raise corrupt() from error


def _densities(page: pdfium.PdfPage) -> list[float]:
    """Dots per inch of the pictures that cover much of the page."""
    return [math.sqrt(math.prod(picture.get_px_size()) / area) * POINTS for picture, area in large_pictures(page, _LARGE_PICTURE)]


def _resolution(densities: list[float]) -> float:
    return min(_MOST_DPI, max(_LEAST_DPI, *densities)) if densities else _USUAL_DPI


def _runs(page: pdfium.PdfPage) -> Iterator[Run]:
    """The page's text in PDFium's reading order, split where line, direction or size change."""
    text = page.get_textpage()
    letters: list[tuple[str, float, float, float, float]] = []
    for index in range(text.count_chars()):
        letter = _letter(text.raw, index)
        if letter is None or (letters and not _continues(letters[-1], letter)):
            if letters:
                yield _run(letters)
            letters = []
        if letter is not None:
            letters.append(letter)
    if letters:
        yield _run(letters)
    text.close()


def _letter(text: Any, index: int) -> tuple[str, float, float, float, float] | None:
    """Character, x, y, size and tilt; None for a character that ends a line."""
    code = raw.FPDFText_GetUnicode(text, index)
    if code < 32 or 0xD800 <= code <= 0xDFFF or code > 0xFFFF:
        return None
    x, y, matrix = ctypes.c_double(), ctypes.c_double(), raw.FS_MATRIX()
    raw.FPDFText_GetCharOrigin(text, index, x, y)
    raw.FPDFText_GetMatrix(text, index, matrix)
    size = raw.FPDFText_GetFontSize(text, index) * (math.hypot(matrix.c, matrix.d) or 1.0)
    tilt = math.degrees(math.atan2(matrix.b, matrix.a))
    return chr(code), x.value, y.value, max(1.0, size), tilt


def _continues(before: tuple[str, float, float, float, float], after: tuple[str, float, float, float, float]) -> bool:
    _, x, y, size, tilt = before
    _, next_x, next_y, next_size, next_tilt = after
    if after[0] == " ":
        return True
    angle = math.radians(tilt)
    along = (next_x - x) * math.cos(angle) + (next_y - y) * math.sin(angle)
    across = (next_y - y) * math.cos(angle) - (next_x - x) * math.sin(angle)
    return abs(next_tilt - tilt) < 2 and abs(next_size - size) < 0.2 * size and abs(across) < 0.3 * size and -size < along < 4 * size


def _run(letters: list[tuple[str, float, float, float, float]]) -> Run:
    placed = [letter for letter in letters if letter[0] != " "] or letters
    text = "".join(letter[0] for letter in letters).rstrip()
    _, x, y, size, tilt = placed[0]
    reach = math.hypot(placed[-1][1] - x, placed[-1][2] - y)
    # The last letter's width does not follow from its origin; the mean of the others is close enough for a selection.
    length = reach * len(placed) / (len(placed) - 1) if len(placed) > 1 else 0.55 * size
    return Run(text or " ", x, y, size, max(length, 0.2 * size), tilt)
