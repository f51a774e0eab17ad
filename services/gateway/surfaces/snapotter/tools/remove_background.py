"""`remove-background`: the subject alone, and what it was cut out of."""

from __future__ import annotations

from collections.abc import Mapping

from compat.snapotter.v1.background_tools_pb2 import RemoveBackgroundSettings
from darkroom.operations.v1 import operation_pb2
from darkroom.operations.v1.remove_background_pb2 import RemoveBackground
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.tools._cutouts import surroundings
from services.gateway.surfaces.snapotter.tools.convert import writing
from services.gateway.surfaces.snapotter.tools.done import Done
from services.gateway.surfaces.snapotter.tools.plan import Plan

SETTINGS = RemoveBackgroundSettings
BUNDLE = "background-removal"
FAILED = "Background removal failed"
BESIDE = ("backgroundImage",)


def plan(settings: RemoveBackgroundSettings, name: str) -> Plan:
    """The operations, with effects."""
    around = surroundings(settings, has_picture=False)
    removal = RemoveBackground(background_color=around.color, effects=around.effects)
    return Plan([operation_pb2.Operation(remove_background=removal), _png()], f"{Name.of(name).stem}_nobg.png")


def alone(_settings: RemoveBackgroundSettings, name: str) -> Plan:
    """The operations of the first of two steps: the second one has the effects."""
    stem = Name.of(name).stem
    removal = RemoveBackground(keep_original=True)
    return Plan([operation_pb2.Operation(remove_background=removal), _png()], f"{stem}_mask.png", others=[f"{stem}_original.png"])


def result(done: Done) -> Mapping[str, object]:
    """Where both pictures are, and the network."""
    source = done.inputs[0] if done.inputs else ""
    return {
        "maskUrl": done.download(done.name),
        "originalUrl": done.download(f"{Name.of(source).stem}_original.png"),
        "filename": source,
        "model": done.found.get("model", ""),
    }


def _png() -> operation_pb2.Operation:
    return operation_pb2.Operation(convert=writing("png", None))
