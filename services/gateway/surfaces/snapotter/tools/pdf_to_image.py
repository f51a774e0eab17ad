"""`pdf-to-image`: pictures of pages, and an archive of them."""

from __future__ import annotations

from compat.snapotter.v1.pdf_tools_pb2 import PdfToImageSettings
from darkroom.operations.v1 import convert_pb2, operation_pb2, pdf_pages_pb2
from darkroom.operations.v1.pdf_pages_pb2 import PdfPages
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = PdfToImageSettings
NAME = "pdf-pages.zip"
_FORMATS = {
    "png": convert_pb2.PICTURE_FORMAT_PNG,
    "jpg": convert_pb2.PICTURE_FORMAT_JPEG,
    "webp": convert_pb2.PICTURE_FORMAT_WEBP,
    "avif": convert_pb2.PICTURE_FORMAT_AVIF,
    "tiff": convert_pb2.PICTURE_FORMAT_TIFF,
    "gif": convert_pb2.PICTURE_FORMAT_GIF,
    "heic": convert_pb2.PICTURE_FORMAT_HEIC,
    "heif": convert_pb2.PICTURE_FORMAT_HEIF,
}
_COLORS = {
    "color": pdf_pages_pb2.PAGE_COLOR_COLOR,
    "grayscale": pdf_pages_pb2.PAGE_COLOR_GRAY,
    "bw": pdf_pages_pb2.PAGE_COLOR_BLACK_WHITE,
}


def plan(settings: PdfToImageSettings, _name: str) -> Plan:
    """The operation."""
    made = PdfPages(
        format=_FORMATS[settings.format],
        dpi=round(settings.dpi),
        quality=round(settings.quality),
        color=_COLORS[settings.color_mode],
        pages=settings.pages,
        separate=True,
    )
    return Plan([operation_pb2.Operation(pdf_pages=made)], NAME)
