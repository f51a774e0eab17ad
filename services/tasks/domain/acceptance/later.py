"""Inputs that the worker has fetched before it runs the task."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from darkroom.internal.tasks.v1 import stored_pb2
from services.tasks.model import Task


@dataclass(frozen=True, slots=True)
class LaterInput:
    """An input that is still to be fetched."""

    url: str
    field: str
    """The field of the request that names it."""
    position: int
    """Its place among all inputs of the task, from 0."""
    formats: Collection[str] | None = None
    """Names of the formats that it may have; None for all that the operation accepts."""

    def to_bytes(self) -> bytes:
        """As the task's row holds it."""
        stored = stored_pb2.StoredLaterInput(url=self.url, field=self.field, position=self.position, formats=self.formats or ())
        return stored.SerializeToString()


def later_inputs_of(task: Task) -> list[LaterInput]:
    """The inputs of a task that are still to be fetched, in order."""
    stored = map(stored_pb2.StoredLaterInput.FromString, task.later_inputs)
    return [LaterInput(each.url, each.field, each.position, list(each.formats) or None) for each in stored]
