"""The definition of a tool: one declaration, from which its routes, batches, pipelines, tasks and form are derived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from darkroom.internal.tasks.v1 import run_service_pb2
from darkroom.operations.v1.operation_pb2 import Operation
from services.gateway.surfaces.snapotter.forms import SentFile
from services.gateway.surfaces.snapotter.names import download_path
from services.platform.identity import Identity

FAILED = "Processing failed"
MOST_FILES = 500
"""The identity of a task."""
_PREVIEW = "preview.webp"


@dataclass(frozen=True, slots=True)
class Plan:
    """A tool's plan for a picture: the operations of a task, and the name of its result."""

    operations: Sequence[Operation]
    name: str | None = None
    """None: `<stem>_<tool id>` with the extension of the result's format."""
    may_become_png: bool = False
    """Whether the result is a PNG, and is called so, where the picture's own format has no alpha for it."""
    others: Sequence[str] = ()
    """The names of further results, where they have no names of their own."""
    chooses_writing: bool = False
    """Whether the caller chooses how small or how good the file is. In a pipeline, later steps without a choice of their own follow it."""


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """A run that has succeeded, and what its caller, who did not wait for it, knows of it."""

    id: str
    """Its name in download paths."""
    run: run_service_pb2.Run
    name: str
    """The media type of the result."""
    inputs: Sequence[str]
    """The names of its inputs."""
    findings: Mapping[str, Any]
    """The findings of its operation: the first further result that is a JSON document; empty if there is none."""

    def download(self, name: str) -> str:
        """The path of a file of the job."""
        return download_path(self.id, name)

    def preview(self) -> str:
        """The path of a WebP of at most 1200 × 1200 pixels of the result."""
        return self.download(_PREVIEW)


@dataclass(frozen=True, slots=True)
class Sources:
    """The facts about the files of a task that are stored already."""

    name: str = ""
    """The first one's; empty if it is not known."""
    names: Sequence[str] = ()
    """All of them, in order; empty if they are not known."""
    most_pages: int = 0
    """Pages of a PDF that are shown; 0 for all."""


@dataclass(frozen=True, slots=True)
class ReferencedFile:
    """A file that an operation names, in addition to the files of the task."""

    part: str
    """Its name in the tool's form."""
    field: str
    """Where its id goes, within the operation: `compose.overlay_file_id`."""


@dataclass(frozen=True, slots=True)
class AsTask:
    """The needs of a tool that runs as a task, whose files are stored already."""

    fewest: int = 1
    """Files, unless the operation takes none."""
    most: int = MOST_FILES
    needs_names: bool = False
    """Whether it cannot do without the names of the files."""
    complete: Callable[[Any, Operation, Sources], Sequence[ReferencedFile]] = lambda _settings, _operation, _sources: ()
    """Complete the first operation with what a form says besides the settings, and return the files that it names. Raises `Refusal`."""
    instead: str = ""
    """The alternative, for a tool that is not an operation on files."""


Serve = Callable[[Any, "Tool", Request, Identity], Awaitable[Response]]
"""With a `ToolContext`, which knows of tools."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool."""

    id: str
    """Its path below `/api/v1/tools`, with `-` for `/`."""
    settings: type[Message]
    plan: Callable[[Any, str], Plan]
    """From its settings and the name of the file."""
    pipeline: bool = False
    """Whether it can be a step of a pipeline, and takes batches."""
    keeps_format: bool = False
    """Whether it works on the file as it was sent, whatever its format."""
    needs_models: bool = False
    """Whether it may need models; models/bundles.toml says which."""
    failure_message: str = FAILED
    """The message if it cannot do its work."""
    serve: Serve | None = None
    """Its own form or reply; None: one picture in, and where its result is."""
    steps: Mapping[str, Serve] = field(default_factory=dict)
    """The routes below its path that are not tools of their own."""
    result: Callable[[FinishedJob], Mapping[str, object]] | None = None
    """The facts about its result besides its place; for tools whose callers do not wait for it, but read it in the job's last event."""
    further_parts: Sequence[str] = ()
    """Parts of its form whose files are not the picture."""
    alone: Callable[[Any, str], Plan] | None = None
    """Its operations, as `plan`, where it is called by itself and not in a batch or a pipeline; None: the same."""
    as_task: AsTask = AsTask()

    def name_of(self, file: SentFile) -> str:
        """The file's name for it."""
        return file.name if self.keeps_format else file.working_name
