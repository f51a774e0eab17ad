"""Inputs that the worker has fetched before it runs the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from darkroom.internal.tasks.v1 import stored_pb2
from services.tasks.model import Task

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class LaterInput:
    """An input that is still to be fetched."""

    url: str
    field: str
    """The field of the request that names it."""
    position: int
    """Its place among all inputs of the task, from 0."""

    def stored(self) -> bytes:
        """As the task's row holds it."""
        return stored_pb2.StoredLaterInput(url=self.url, field=self.field, position=self.position).SerializeToString()


def later_inputs_of(task: Task) -> list[LaterInput]:
    """The inputs of a task that are still to be fetched, in order."""
    stored = map(stored_pb2.StoredLaterInput.FromString, task.later_inputs)
    return [LaterInput(each.url, each.field, each.position) for each in stored]


def merged(known: Sequence[_T], later: Sequence[tuple[int, _T]]) -> list[_T]:
    """All inputs of a task in order, from those that it had and those that were fetched, with their places."""
    inputs = list(known)
    for position, each in sorted(later, key=lambda one: one[0]):
        inputs.insert(position, each)
    return inputs
