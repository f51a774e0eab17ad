"""The action of a batch on each of its files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from darkroom.operations.v1 import operation_pb2
from services.gateway.surfaces.snapotter.calls.tool_calls import SETTINGS
from services.gateway.surfaces.snapotter.forms import SentFile
from services.gateway.surfaces.snapotter.names import Name
from services.gateway.surfaces.snapotter.pipelines.plans import unknown
from services.gateway.surfaces.snapotter.pipelines.reader import PipelineReader
from services.gateway.surfaces.snapotter.pipelines.runs import PIPELINE, of_plan
from services.gateway.surfaces.snapotter.runs import RunRecord
from services.gateway.surfaces.snapotter.tool import Tool
from services.gateway.surfaces.snapotter.tool_settings import read_settings
from services.platform.identity import Identity


@dataclass(frozen=True, slots=True)
class Work:
    """The action on a file."""

    operations: Sequence[operation_pb2.Operation]
    record: RunRecord
    name: str
    """The extension of the result in the archive, unless the result has become a PNG."""


NO_FILES = "No image files provided"


def _unusable(file: SentFile) -> str:
    return f"Invalid image: {file.problem}" if file.problem else ""


WorkOf = Callable[[SentFile], Work]
"""With a file. Raises `Refusal` if nothing can be done with it."""


@dataclass(frozen=True, slots=True)
class BatchKind:
    """A kind of batch."""

    title: str
    """The prefix of the archive's name."""
    read: Callable[[Mapping[str, str]], Awaitable[WorkOf]]
    """The action, from the fields of the form. Raises `Refusal`."""
    no_files: str = NO_FILES
    """The message for a form without files."""
    problem: Callable[[SentFile], str] = _unusable
    """Why a file cannot be used; empty if it can."""


def of_tool(tool: Tool) -> BatchKind:
    """A batch of a tool."""

    async def read(fields: Mapping[str, str]) -> WorkOf:
        settings = read_settings(fields.get(SETTINGS, ""), tool.settings)

        def work(file: SentFile) -> Work:
            name = tool.name_of(file)
            plan = tool.plan(settings, name)
            own = plan.name if plan.name not in (None, name) else None
            kept = RunRecord(tool.id, [name], plan.name, may_become_png=plan.may_become_png)
            return Work(plan.operations, kept, own or entry_name(name, tool.id))

        return work

    return BatchKind(f"batch-{tool.id}", read)


def of_pipeline(reader: PipelineReader, identity: Identity) -> BatchKind:
    """A batch of the pipeline that the form holds."""

    async def read(fields: Mapping[str, str]) -> WorkOf:
        pipeline = await reader.read(fields.get(PIPELINE, ""), identity, unknown)

        def work(file: SentFile) -> Work:
            name = pipeline.name_of(file)
            plan = pipeline.plan(name)
            return Work(plan.operations, of_plan(plan, name), plan.name)

        return work

    return BatchKind("pipeline-batch", read)


def entry_name(source: str, tool_id: str) -> str:
    """`photo.jpeg` as `photo_resize.jpeg`: in a batch, the extension stays."""
    name = Name.of(source)
    return f"{name.stem}_{tool_id}{name.extension}"


def distinct(names: Sequence[str]) -> Sequence[str]:
    """The names, with `_1`, `_2` before the extension of those that stand there already."""
    taken: set[str] = set()
    following: dict[str, int] = {}
    found = []
    for name in names:
        candidate, parts = name, Name.of(name)
        while candidate in taken:
            number = following[name] = following.get(name, 0) + 1
            candidate = f"{parts.stem}_{number}{parts.extension}"
        taken.add(candidate)
        found.append(candidate)
    return found
