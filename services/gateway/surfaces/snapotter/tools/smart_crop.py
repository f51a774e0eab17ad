"""`smart-crop`: crop to the subject, to a face, or to what is within uniform edges."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.photo_tools_pb2 import SmartCropSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.smart_crop_pb2 import (
    CROP_STRATEGY_ATTENTION,
    CROP_STRATEGY_ENTROPY,
    FACE_FRAME_CLOSE_UP,
    FACE_FRAME_HALF_BODY,
    FACE_FRAME_HEAD_AND_SHOULDERS,
    FACE_FRAME_UPPER_BODY,
    FaceFrame,
    SmartCrop,
)
from darkroom.operations.v1.trim_edges_pb2 import TrimEdges
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools.kept import QUALITY, kept
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = SmartCropSettings
_FRAMES: Mapping[str, FaceFrame.ValueType] = {
    "closeup": FACE_FRAME_CLOSE_UP,
    "head-shoulders": FACE_FRAME_HEAD_AND_SHOULDERS,
    "upper-body": FACE_FRAME_UPPER_BODY,
    "half-body": FACE_FRAME_HALF_BODY,
}


def plan(settings: SmartCropSettings, name: str) -> Plan:
    """The operations."""
    parts = Name.of(name)
    writing = kept(settings.quality if settings.HasField("quality") else QUALITY)
    return Plan([_cropping(settings), writing], f"{parts.stem}_smartcrop{parts.extension}", chooses_writing=settings.HasField("quality"))


def _cropping(settings: SmartCropSettings) -> operation_pb2.Operation:
    if settings.mode in ("trim", "content"):
        trim = TrimEdges(
            threshold=settings.threshold,
            padding_percent=settings.padding,
            square=settings.pad_to_square,
            side=settings.target_size,
            color=settings.pad_color,
        )
        return operation_pb2.Operation(trim_edges=trim)
    crop = SmartCrop(
        width=settings.width,
        height=settings.height,
        strategy=CROP_STRATEGY_ENTROPY if settings.strategy == "entropy" else CROP_STRATEGY_ATTENTION,
    )
    if settings.mode == "face":
        crop.faces = _FRAMES[settings.face_preset]
        crop.face_sensitivity = settings.sensitivity
        crop.padding_percent = settings.padding
    return operation_pb2.Operation(smart_crop=crop)
