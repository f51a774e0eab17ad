"""`vectorize`: a drawing of a picture."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.code_tools_pb2 import VectorizeSettings
from darkroom.operations.v1 import operation_pb2, vectorize_pb2
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools._numbers import rounded
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = VectorizeSettings
_CURVES: Mapping[str, vectorize_pb2.TraceCurve.ValueType] = {
    "none": vectorize_pb2.TRACE_CURVE_PIXELS,
    "polygon": vectorize_pb2.TRACE_CURVE_POLYGON,
    "spline": vectorize_pb2.TRACE_CURVE_SPLINE,
}
_MOST_BITS = 8


def plan(settings: VectorizeSettings, name: str) -> Plan:
    """The operation."""
    made = vectorize_pb2.Vectorize(
        color=settings.color_mode == "color",
        threshold=rounded(settings.threshold),
        invert=settings.invert,
        color_precision=min(_MOST_BITS, rounded(settings.color_precision)),
        layer_difference=rounded(settings.layer_difference),
        filter_speckle=rounded(settings.filter_speckle),
        curve=_CURVES[settings.path_mode],
        corner_threshold=rounded(settings.corner_threshold),
    )
    return Plan([operation_pb2.Operation(vectorize=made)], name=f"{Name.of(name).stem}.svg")
