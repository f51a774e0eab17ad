"""Steps as operations that fit any file: what of a saved pipeline runs natively, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from darkroom.operations.v1 import operation_pb2
from services.gateway.surfaces.snapotter.errors import Refusal
from services.gateway.surfaces.snapotter.pipelines.plans import GivenStep, checked_pipeline
from services.gateway.surfaces.snapotter.tool import Sources, Tool

_MOST_OPERATIONS = 64
_NAMES = ("photo.jpg", "photo.png", "photo.webp", "photo.gif", "photo.avif", "photo.tiff", "photo.svg")
"""A plan that is the same for all of these does not depend on the file."""


def operations_for_any_file(steps: Sequence[GivenStep], tools: Mapping[str, Tool]) -> Sequence[operation_pb2.Operation]:
    """The operations of these steps. Empty where they depend on the file, take files of their own, are too many, or cannot be done."""
    try:
        pipeline = checked_pipeline(steps, tools)
        plan, *others = (pipeline.plan(name) for name in _NAMES)
        if len(plan.operations) > _MOST_OPERATIONS or any(other.operations != plan.operations for other in others):
            return ()
        first = 0
        for step, planned in zip(pipeline.steps, plan.steps, strict=True):
            tool = step.tool.as_task
            # Operations that are kept have no place for the files of a form, nor for their names.
            if tool.instead or tool.needs_names or tool.complete(step.settings, plan.operations[first], Sources()):
                return ()
            first += planned.operations
    except Refusal:
        return ()
    return plan.operations
