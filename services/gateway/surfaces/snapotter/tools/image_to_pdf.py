"""`image-to-pdf`: a document with a page for each picture."""

from __future__ import annotations

import math

from compat.snapotter.v1.pdf_tools_pb2 import ImageToPdfSettings, TargetSize
from darkroom.operations.v1 import make_pdf_pb2, operation_pb2
from darkroom.operations.v1.make_pdf_pb2 import MakePdf
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = ImageToPdfSettings
NAME = "images.pdf"
LEAST_BYTES = 50 << 10
"""That may be asked for."""
TOO_SMALL = "Target size must be at least 50KB"
_UNITS = {"KB": 1 << 10, "MB": 1 << 20}
_LARGEST, _MOST = 1 << 62, (1 << 32) - 1
"""Bytes that can be told, and that can be asked for."""
_SIZES = {
    "A4": make_pdf_pb2.PAPER_SIZE_A4,
    "Letter": make_pdf_pb2.PAPER_SIZE_LETTER,
    "A3": make_pdf_pb2.PAPER_SIZE_A3,
    "A5": make_pdf_pb2.PAPER_SIZE_A5,
}
_ORIENTATIONS = {
    "portrait": make_pdf_pb2.PAPER_ORIENTATION_PORTRAIT,
    "landscape": make_pdf_pb2.PAPER_ORIENTATION_LANDSCAPE,
}


def target_bytes(target: TargetSize) -> int:
    """Most bytes that the file should have."""
    return math.floor(min(target.value * _UNITS[target.unit], _LARGEST) + 0.5)


def plan(settings: ImageToPdfSettings, _name: str) -> Plan:
    """The operation, on all pictures together."""
    made = MakePdf(paper_size=_SIZES[settings.page_size], orientation=_ORIENTATIONS[settings.orientation], margin=settings.margin)
    if settings.HasField("target_size"):
        made.max_bytes = min(target_bytes(settings.target_size), _MOST)
    return Plan([operation_pb2.Operation(make_pdf=made)], NAME)
