"""What a tool is: one declaration, from which its routes, batches, pipelines, tasks and form are derived."""

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
"""Of a task."""
_PREVIEW = "preview.webp"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a tool does with a picture: the operations of a task, and the name of its result."""

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
    """What download paths name it by."""
    run: run_service_pb2.Run
    name: str
    """Of the result."""
    inputs: Sequence[str]
    """The names of its inputs."""
    findings: Mapping[str, Any]
    """What its operation has found: the first further result that is a JSON document; empty if there is none."""

    def download(self, name: str) -> str:
        """The path of a file of the job."""
        return download_path(self.id, name)

    def preview(self) -> str:
        """The path of a WebP of at most 1200 × 1200 pixels of the result."""
        return self.download(_PREVIEW)


@dataclass(frozen=True, slots=True)
class Sources:
    """What is known of the files of a task that are stored already."""

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
    """What the tool's form calls it."""
    field: str
    """Where its id goes, within the operation: `compose.overlay_file_id`."""


@dataclass(frozen=True, slots=True)
class AsTask:
    """What a tool needs to be done as a task, whose files are stored already."""

    fewest: int = 1
    """Files, unless the operation takes none."""
    most: int = MOST_FILES
    needs_names: bool = False
    """Whether it cannot do without the names of the files."""
    complete: Callable[[Any, Operation, Sources], Sequence[ReferencedFile]] = lambda _settings, _operation, _sources: ()
    """Complete the first operation with what a form says besides the settings, and return the files that it names. Raises `Refusal`."""
    instead: str = ""
    """What to do instead, of a tool that is no operation on files."""


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
    bundle: str = ""
    """The id of the bundle whose models it may need."""
    failed: str = FAILED
    """What is said where it cannot do its work."""
    serve: Serve | None = None
    """Its own form or reply; None: one picture in, and where its result is."""
    steps: Mapping[str, Serve] = field(default_factory=dict)
    """What is served below its path and is no tool of its own."""
    result: Callable[[FinishedJob], Mapping[str, object]] | None = None
    """What is said of its result besides where it is; of tools whose callers do not wait for it, but read it in the job's last event."""
    further_parts: Sequence[str] = ()
    """Parts of its form whose files are not the picture."""
    alone: Callable[[Any, str], Plan] | None = None
    """What it does, as `plan`, where it is called by itself and not in a batch or a pipeline; None: the same."""
    as_task: AsTask = AsTask()

    def name_of(self, file: SentFile) -> str:
        """What it knows a file by."""
        return file.name if self.keeps_format else file.working_name
