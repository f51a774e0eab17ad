"""`pdf-to-image/preview`: what the pages look like."""

from __future__ import annotations

from compat.snapotter.v1.pdf_tools_pb2 import PdfToImagePreviewSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.inspect_pdf_pb2 import InspectPdf
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = PdfToImagePreviewSettings


def plan(_settings: PdfToImagePreviewSettings, _name: str) -> Plan:
    """The operation, whose result is the reply."""
    return Plan([operation_pb2.Operation(inspect_pdf=InspectPdf(thumbnails=True))])
