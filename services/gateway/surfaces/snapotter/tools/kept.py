"""What the common tools do last: they write the result in the input's format."""

from __future__ import annotations

from darkroom.operations.v1 import convert_pb2, operation_pb2

QUALITY = 95
"""Of a lossy result, where the tool has no setting for it."""


def kept(quality: int = QUALITY) -> operation_pb2.Operation:
    """The input's format, or PNG where that does not stay, or has no alpha and the picture has; sRGB, without profile and metadata."""
    return operation_pb2.Operation(
        convert=convert_pb2.Convert(
            format=convert_pb2.PICTURE_FORMAT_KEPT,
            quality=quality,
            progressive=False,
            color_space=convert_pb2.COLOR_SPACE_RGB,
            strip_metadata=True,
            keep_alpha=True,
            compact=True,
            quick=True,
        )
    )
