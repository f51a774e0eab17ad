"""What a tool has done whose caller did not wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from darkroom.internal.tasks.v1 import run_service_pb2


@dataclass(frozen=True, slots=True)
class Done:
    """A run that has succeeded, and what its caller knows of it."""

    job_id: str
    """What download paths name it by."""
    settings: Any
    """As they were when it was called, with defaults: a message of the tool's own type."""
    run: run_service_pb2.Run
    name: str
    """Of the result."""
    inputs: Sequence[str]
    """The names of its inputs."""
    found: Mapping[str, Any]
    """What its operation has found besides: the first result that is a JSON document; empty if there is none."""
    paths: Callable[[str], str]
    """Where a file of the job can be had, by its name."""

    def download(self, name: str) -> str:
        """The path of a file of the job."""
        return self.paths(name)

    def preview(self) -> str:
        """The path of a WebP of at most 1200 × 1200 pixels of the result."""
        return self.paths("preview.webp")
