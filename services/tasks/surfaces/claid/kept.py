"""The part of a request that Claid's API keeps with its tasks, to show it again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict

from services.tasks.domain.plan import operations_of
from services.tasks.model import Task
from services.tasks.surfaces.claid.sources import file_uri

SURFACE = "claid"
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RequestBodies:
    """Bodies of requests, unchanged."""

    request: Body
    """For a task of a batch, the request that would have made it alone."""
    batch: Body | None = None
    """The request of its batch; only with the first task."""

    def to_bytes(self) -> bytes:
        """As the task holds it."""
        packed = {"request": self.request} if self.batch is None else {"request": self.request, "batch": self.batch}
        return json.dumps(packed, ensure_ascii=False, separators=(",", ":")).encode()


def request_of(task: Task) -> Body:
    """The request of a task. For a task that another API created: its files, and its operations as a list."""
    if (kept := _kept(task)) is not None:
        return kept.request
    return _told([task])


def batch_request_of(tasks: list[Task]) -> Body:
    """The request of a batch, from its tasks in order, of which the first may have been deleted meanwhile."""
    kept = _kept(tasks[0]) if tasks else None
    return kept.batch if kept is not None and kept.batch is not None else _told(tasks)


def _kept(task: Task) -> RequestBodies | None:
    if task.surface != SURFACE or not task.client_request:
        return None
    packed = json.loads(task.client_request)
    return RequestBodies(packed["request"], packed.get("batch"))


def _told(tasks: list[Task]) -> Body:
    inputs = [file_uri(file_id) for task in tasks for file_id in task.input_file_ids]
    operations = [MessageToDict(operation, preserving_proto_field_name=True) for task in tasks[:1] for operation in operations_of(task)]
    return {"input": inputs[0] if len(inputs) == 1 else inputs, "operations": operations}
