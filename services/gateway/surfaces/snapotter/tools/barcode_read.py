"""`barcode-read`: what barcodes say."""

from __future__ import annotations

from compat.snapotter.v1.code_tools_pb2 import BarcodeReadSettings
from darkroom.operations.v1 import operation_pb2, read_barcodes_pb2
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = BarcodeReadSettings


def plan(settings: BarcodeReadSettings, _name: str) -> Plan:
    """The operation."""
    return Plan([operation_pb2.Operation(read_barcodes=read_barcodes_pb2.ReadBarcodes(quick=not settings.try_harder))])
