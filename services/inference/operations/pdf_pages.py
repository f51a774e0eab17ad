"""Make pictures of the pages of a PDF."""

from __future__ import annotations

import zipfile

import numpy as np
import pypdfium2 as pdfium

from darkroom.operations.v1 import pdf_pages_pb2
from darkroom.operations.v1.pdf_pages_pb2 import PdfPages
from services.inference.contract.flow import NewFile, Several, WholeFile
from services.inference.contract.plain_step import PlainStep
from services.inference.media import Image, Metadata, Saving, encode
from services.inference.pdf.condition import condition_of
from services.inference.pdf.notices import warn
from services.inference.pdf.pages import draw_page, gray, page_of, path_of, readable, size_at
from services.inference.pdf.texts import DAMAGED
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat, written_format
from services.pictures.page_list import BadPageList, pages_of
from services.platform.errors import DarkroomError, ErrorReason

_USUAL_DPI, _USUAL_QUALITY = 150, 85
_MILLIMETRES_PER_INCH = 25.4
_MOST_SEPARATE = 499
_THRESHOLD = 128
_LOSSLESS = (MediaFormat.PNG, MediaFormat.TIFF, MediaFormat.GIF)


def run(file: WholeFile, parameters: PdfPages, step: PlainStep) -> NewFile | Several:
    """The archive, and the pictures in it if they are asked for.

    Raises FIELD_INVALID for pages that do not exist, MEDIA_LIMIT_EXCEEDED for one with too many pixels, FILE_CORRUPT and FILE_ENCRYPTED.
    """
    saving, dpi = _saving(parameters), parameters.dpi or _USUAL_DPI
    archive, separate = step.folder / "pages.zip", list[NewFile]()
    condition = condition_of(path_of(file))
    if condition.is_damaged:
        warn(step, DAMAGED)
    with readable(path_of(file), step.folder) as document, zipfile.ZipFile(archive, "w") as packed:
        pages = _selected(parameters.pages, len(document))
        sizes = {page: _size(document, page, dpi, condition.unit(page), step) for page in pages}
        for done, page in enumerate(pages):
            step.check()
            step.report(done / len(pages), f"Page {page}")
            name = f"page-{page}.{saving.format.extension}"
            content = encode(_picture(document, page, sizes[page], dpi, parameters), saving)
            # With a fixed time: the same document makes the same archive.
            packed.writestr(zipfile.ZipInfo(name), content)
            if parameters.separate and len(separate) < _MOST_SEPARATE:
                kept = step.folder / name
                kept.write_bytes(content)
                width, height = sizes[page]
                separate.append(NewFile(kept, saving.format.media_type, saving.format.extension, name, width, height))
        told = {"page_count": len(document), "pages": pages}
        step.notice("pages", "pages", f"{len(pages)} of {len(document)} pages were drawn.", told)
    step.label("pages")
    made = NewFile(archive, "application/zip", "zip")
    return Several(made, separate) if separate else made


def _selected(text: str, count: int) -> list[int]:
    try:
        return pages_of(text, count)
    except BadPageList as error:
        raise DarkroomError(ErrorReason.FIELD_INVALID, str(error), field="pages") from error


def _size(document: pdfium.PdfDocument, number: int, dpi: int, unit: float, step: PlainStep) -> Size:
    """Checked for all pages before the first is drawn."""
    with page_of(document, number) as page:
        size = size_at(page, dpi, unit)
    step.result_limits.check(*size, f"Page {number}, at {dpi} dpi,")
    return size


def _picture(document: pdfium.PdfDocument, number: int, size: Size, dpi: int, parameters: PdfPages) -> Image:
    with page_of(document, number) as page:
        pixels = draw_page(document, page, size)
    if parameters.color in (pdf_pages_pb2.PAGE_COLOR_GRAY, pdf_pages_pb2.PAGE_COLOR_BLACK_WHITE):
        pixels = gray(pixels)
    if parameters.color == pdf_pages_pb2.PAGE_COLOR_BLACK_WHITE:
        pixels = np.where(pixels >= _THRESHOLD, np.uint8(255), np.uint8(0))
    density = dpi / _MILLIMETRES_PER_INCH
    return Image(pixels, metadata=Metadata(pixels_per_mm=(density, density)))


def _saving(parameters: PdfPages) -> Saving:
    format_ = written_format(parameters.format, None)
    quality = parameters.quality or _USUAL_QUALITY
    return Saving(format_, quality=quality, lossless=format_ in _LOSSLESS, keep_metadata=False, compact=True)
