"""`ocr`: what a picture says."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.ocr_tools_pb2 import OcrSettings
from darkroom.operations.v1 import operation_pb2, read_text_pb2
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = OcrSettings
BUNDLE = "ocr"
FAILED = "OCR failed"
_QUALITIES: Mapping[str, read_text_pb2.TextQuality.ValueType] = {
    "fast": read_text_pb2.TEXT_QUALITY_FAST,
    "balanced": read_text_pb2.TEXT_QUALITY_BALANCED,
    "best": read_text_pb2.TEXT_QUALITY_BEST,
}


def plan(settings: OcrSettings, _name: str) -> Plan:
    """The operation."""
    quality = _QUALITIES["fast" if settings.engine == "tesseract" else settings.quality]
    read = read_text_pb2.ReadText(quality=quality, language=settings.language, enhance=settings.enhance)
    return Plan([operation_pb2.Operation(read_text=read)])
