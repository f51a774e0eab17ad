"""What a tool does with a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from darkroom.operations.v1 import operation_pb2


@dataclass(frozen=True, slots=True)
class Plan:
    """The operations of a task, and the name of its result."""

    operations: Sequence[operation_pb2.Operation]
    name: str | None = None
    """None: `<stem>_<tool id>` with the extension of the result's format."""
    may_become_png: bool = False
    """Whether the result is a PNG, and is called so, where the picture's own format has no alpha for it."""
    others: Sequence[str] = ()
    """The names of further results, where they have no names of their own."""
    chooses_writing: bool = False
    """Whether the caller chooses how small or how good the file is. In a pipeline, later steps without a choice of their own follow it."""
