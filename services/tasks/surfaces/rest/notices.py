"""Notices for the owner of a task: options of the request that have no effect, and notices about the result."""

from __future__ import annotations

import json
from collections.abc import Mapping

from google.protobuf.json_format import Parse
from google.protobuf.struct_pb2 import ListValue, Struct

from darkroom.rest.v1 import images_pb2, tasks_pb2
from darkroom.tasks.v1 import task_pb2
from services.platform.rpc.unknown_fields import current_unknown_fields
from services.tasks.model import Task
from services.tasks.surfaces.rendering import notices_of

SURFACE = "rest"
"""`Task.surface` of tasks whose call took plain operations; other calls of this API leave it empty."""
_NOT_APPLIED = "not_applied"
# Parameters of operations that the calls name differently.
_PARAMETERS: Mapping[str, str] = {
    "subject": "industry_type",
    "trim": "trim_transparent_background",
    "count": "output_count",
    "keep_reference_size": "preprocess_mode",
}


def unused_boxes(request: images_pb2.RemoveImageWatermarkRequest) -> list[task_pb2.Notice]:
    """A notice if the mode does not use the boxes of a request."""
    if request.mode == "manual" or not request.boxes:
        return []
    message = "Mode auto finds the marks itself. Send mode manual to say where they are."
    return [task_pb2.Notice(code=_NOT_APPLIED, subject="boxes", message=message, details_json=json.dumps({"why": "automatic_mode"}))]


def unknown() -> list[task_pb2.Notice]:
    """A notice for each field of the current request that the call does not have."""
    return [
        task_pb2.Notice(
            code=_NOT_APPLIED,
            subject=field.path,
            message=f"{field.path}: {field.problem}",
            details_json=json.dumps({"why": "unknown_field"}),
        )
        for field in current_unknown_fields()
    ]


def notices(task: Task) -> list[tasks_pb2.TaskNotice]:
    """All notices of a task."""
    return [
        tasks_pb2.TaskNotice(
            code=notice.code,
            subject=_parameter(task, notice.subject) or None,
            message=notice.message,
            details=Parse(notice.details_json, Struct()) if notice.details_json else None,
            boxes=_boxes(notice),
        )
        for notice in notices_of(task)
    ]


def _boxes(notice: task_pb2.Notice) -> ListValue | None:
    """The places that a notice is about; a list of messages could not be left out while others of a reply are empty."""
    if not notice.boxes:
        return None
    places = ListValue()
    for box in notice.boxes:
        places.add_struct().update({name: round(getattr(box, name), 2) for name in ("x1", "y1", "x2", "y2")})
    return places


def not_applied(task: Task) -> list[str]:
    """Each parameter without effect once, however many of the pictures it could not be applied to."""
    return list(dict.fromkeys(_parameter(task, notice.subject) for notice in notices_of(task) if notice.code == _NOT_APPLIED))


def _parameter(task: Task, name: str) -> str:
    """An operation's parameter as the call named it; batches and calls of this `SURFACE` take operations themselves."""
    return name if task.batch_id is not None or task.surface == SURFACE else _PARAMETERS.get(name, name)
