"""`remove-background/effects`: a background and a shadow for the subject of a finished job."""

from __future__ import annotations

from compat.snapotter.v1.background_tools_pb2 import RemoveBackgroundEffectsSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.compose_cutout_pb2 import ComposeCutout
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools._cutouts import surroundings
from services.gateway.surfaces.snapotter.tools.convert import writing
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = RemoveBackgroundEffectsSettings


def plan(settings: RemoveBackgroundEffectsSettings, name: str, original_id: int = 0, picture_id: int = 0) -> Plan:
    """The operations, of the cut-out; with the ids of what it was cut out of and of a picture for the background."""
    around = surroundings(settings, has_picture=bool(picture_id))
    composing = ComposeCutout(
        original_file_id=original_id,
        background_color=around.color,
        background_file_id=picture_id if around.picture else 0,
        effects=around.effects,
    )
    operations = [operation_pb2.Operation(compose_cutout=composing), operation_pb2.Operation(convert=writing("png", None))]
    return Plan(operations, f"{Name.of(name).stem}_nobg.png")
