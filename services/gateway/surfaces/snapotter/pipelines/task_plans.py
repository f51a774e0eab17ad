"""Plans of tasks: the operations that tools are, for callers whose files are stored already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from starlette.requests import Request
from starlette.responses import Response

from darkroom.operations.v1 import operation_pb2
from services.gateway.surfaces.snapotter.bodies import json_body
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.names import Name, clean_name, is_converted, media_type_of, png_name
from services.gateway.surfaces.snapotter.pipelines.plans import (
    INVALID_PIPELINE,
    GivenStep,
    Pipeline,
    PipelinePlan,
    given_steps,
)
from services.gateway.surfaces.snapotter.pipelines.reader import PipelineReader
from services.gateway.surfaces.snapotter.tool import MOST_FILES, Sources, Tool
from services.pictures.operations import Arity, spec_of
from services.platform.identity import Identity

MOST_OPERATIONS = 64
"""The name of a task of a batch."""
NO_TASK = "Cannot be run as a task"
ALONE = "Must be the only step"
TOO_MANY = "Too many steps for a task"
_UNNAMED = "unnamed-file.png"
"""The name for tools of a file whose name was not sent."""
_LONGEST_NAME = 1000
"""Characters; the names of files keep 200 bytes."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """The request in a body."""

    steps: Sequence[GivenStep]
    sources: Sources
    files: int | None


class TaskPlans:
    """Plans tasks. Nothing of the pictures is known but their names."""

    def __init__(self, reader: PipelineReader, most_pages: int) -> None:
        self._reader, self._most_pages = reader, most_pages

    async def plan(self, request: Request, identity: Identity) -> Response:
        """The operations of the steps in a body."""
        asked = self._asked(await json_body(request))
        _check_tasks(asked.steps, self._reader.all_tools)
        pipeline = await self._reader.of(asked.steps, identity, any_tool=len(asked.steps) == 1)
        name = _working_name(pipeline, asked.sources.name or _UNNAMED)
        plan = pipeline.plan(name)
        if len(plan.operations) > MOST_OPERATIONS:
            details = f"They are {len(plan.operations)} operations; a task of a batch has at most {MOST_OPERATIONS}."
            raise Refusal(422, TOO_MANY, details=details)
        files: list[Mapping[str, object]] = []
        for first, step, operations in _parts(pipeline, plan):
            referenced = step.tool.as_task.complete(step.settings, operations[0], asked.sources)
            files += [{"part": each.part, "operation": first, "field": each.field} for each in referenced]
        _check_count(pipeline, plan, asked.files)
        return answer(
            {
                "operations": [json_format.MessageToDict(each, preserving_proto_field_name=True) for each in plan.operations],
                "name": _result_name(plan, name, asked.sources),
                "steps": [{"toolId": step.tool_id, "operations": step.operations} for step in plan.steps],
                "files": files,
            }
        )

    def _asked(self, body: object) -> _Asked:
        fields = body if isinstance(body, dict) else {}
        steps, faults = given_steps(fields.get("steps"), self._reader.most_steps)
        faults = [*faults, *_faults(fields)]
        if faults:
            raise Refusal(400, INVALID_PIPELINE, details=faults)
        name, names, files = fields.get("name"), fields.get("names") or [], fields.get("fileCount")
        sources = Sources(clean_name(name) if name else "", [clean_name(each) for each in names], self._most_pages)
        return _Asked(steps, sources, (len(names) or None) if files is None else int(files))


def _faults(fields: Mapping[str, Any]) -> Sequence[Mapping[str, object]]:
    """The problems of a body besides its steps."""
    name, names, files = fields.get("name"), fields.get("names"), fields.get("fileCount")
    faults = []
    if name is not None and not _is_name(name):
        faults.append({"path": "name", "message": f"must be a string of at most {_LONGEST_NAME} characters"})
    if names is not None and not (isinstance(names, list) and len(names) <= MOST_FILES and all(map(_is_name, names))):
        faults.append({"path": "names", "message": f"must be a list of at most {MOST_FILES} strings"})
    whole = isinstance(files, int | float) and not isinstance(files, bool) and files == files // 1
    if files is not None and not (whole and 0 <= files <= MOST_FILES):
        faults.append({"path": "fileCount", "message": f"must be a whole number from 0 to {MOST_FILES}"})
    elif files and names and files != len(names):
        faults.append({"path": "fileCount", "message": "must be the number of names"})
    return faults


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_NAME


def _check_tasks(steps: Sequence[GivenStep], tools: Mapping[str, Tool]) -> None:
    """Refuse tools that are there, but cannot be done so."""
    for number, step in enumerate(steps, start=1):
        tool = tools.get(step.tool_id)
        if tool is None:
            continue
        if tool.as_task.instead:
            raise Refusal(422, f"Step {number} ({tool.id}): {NO_TASK}", details=tool.as_task.instead)
        if len(steps) > 1 and not tool.pipeline:
            raise Refusal(422, f"Step {number} ({tool.id}): {ALONE}", details="GET /api/v1/pipeline/tools lists all others.")


def _working_name(pipeline: Pipeline, name: str) -> str:
    """As `SentFile.working_name`, from the extension alone."""
    if all(step.tool.keeps_format for step in pipeline.steps) or not Name.of(name).extension:
        return name
    family, _, format_ = media_type_of(name).partition("/")
    return png_name(name) if family == "image" and is_converted(format_.partition("+")[0]) else name


def _result_name(plan: PipelinePlan, name: str, sources: Sources) -> str | None:
    """None where the tools leave it to the task, or where it would be made of a name that was not sent."""
    made_up = not sources.name and plan.name.startswith(Name.of(_UNNAMED).stem)
    return None if made_up or plan.name == name else plan.name


def _parts(pipeline: Pipeline, plan: PipelinePlan) -> Sequence[tuple[int, Any, Sequence[operation_pb2.Operation]]]:
    """Each step, with its operations and the index of the first of them."""
    found, first = [], 0
    for step, planned in zip(pipeline.steps, plan.steps, strict=True):
        found.append((first, step, plan.operations[first : first + planned.operations]))
        first += planned.operations
    return found


def fewest_and_most(tool: Tool, operations: Sequence[operation_pb2.Operation]) -> tuple[int, int]:
    """How many files a task of this tool takes."""
    return (0, 0) if spec_of(operations[0]).arity is Arity.NONE else (tool.as_task.fewest, tool.as_task.most)


def _check_count(pipeline: Pipeline, plan: PipelinePlan, files: int | None) -> None:
    tool = pipeline.steps[0].tool
    fewest, most = fewest_and_most(tool, plan.operations)
    if files is not None and not fewest <= files <= most:
        allowed = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise Refusal(400, f"Step 1 ({tool.id}): Takes {allowed} files", details=[{"path": "fileCount", "message": f"must be {allowed}"}])
