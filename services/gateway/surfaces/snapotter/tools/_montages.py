"""How the tools that put pictures together write the result."""

from __future__ import annotations

from darkroom.operations.v1 import operation_pb2
from services.gateway.surfaces.snapotter.tools.convert import writing

EXTENSIONS = {"jpeg": "jpg"}
"""Of formats that are not their own."""
_LOSSLESS = "png"


def written(format_: str, quality: float) -> operation_pb2.Operation:
    """The last operation. A PNG has all colours, whatever its quality."""
    return operation_pb2.Operation(convert=writing(EXTENSIONS.get(format_, format_), None if format_ == _LOSSLESS else quality))
