"""`pdf-to-image/info`: how many pages there are."""

from __future__ import annotations

from compat.snapotter.v1.pdf_tools_pb2 import PdfToImageInfoSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.inspect_pdf_pb2 import InspectPdf
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = PdfToImageInfoSettings


def plan(_settings: PdfToImageInfoSettings, _name: str) -> Plan:
    """The operation, whose result is the reply."""
    return Plan([operation_pb2.Operation(inspect_pdf=InspectPdf())])
