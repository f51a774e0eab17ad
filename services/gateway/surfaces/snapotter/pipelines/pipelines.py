"""Pipelines: executing one, and those that people have saved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response

from darkroom.tasks.v1 import pipeline_pb2, pipelines_service_pb2
from services.gateway.backend import Backend
from services.gateway.surfaces.snapotter.bodies import json_body, storable
from services.gateway.surfaces.snapotter.errors import Refusal, answer
from services.gateway.surfaces.snapotter.pipelines.any_file import operations_for_any_file
from services.gateway.surfaces.snapotter.pipelines.plans import (
    INVALID_PIPELINE,
    GivenStep,
    given_steps,
    unknown,
)
from services.gateway.surfaces.snapotter.pipelines.reader import PipelineReader
from services.gateway.surfaces.snapotter.times import instant
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Identity

_METHODS = pipelines_service_pb2.DESCRIPTOR.services_by_name["PipelinesService"].methods_by_name
_LONGEST_NAME, _LONGEST_DESCRIPTION = 100, 500
_DEEPEST = 30
"""Levels of a step's settings: messages cannot be nested much deeper."""


class Pipelines:
    """Saved pipelines, on behalf of callers."""

    def __init__(self, backend: Backend, reader: PipelineReader) -> None:
        self._backend, self._reader = backend, reader

    async def save(self, request: Request, identity: Identity) -> Response:
        """Save one."""
        asked = await self._read(await json_body(request))
        try:
            reply = await self._saved(asked, identity)
        except DarkroomError as error:
            if error.reason is not ErrorReason.FIELD_INVALID:
                raise
            field = error.field or ""
            message = error.message.removeprefix(f"{field}:").strip()
            raise Refusal(400, INVALID_PIPELINE, details=[{"path": field, "message": message}]) from error
        return answer(_described(reply.pipeline), 201)

    async def _saved(self, asked: pipelines_service_pb2.CreatePipelineRequest, identity: Identity) -> Any:
        """A pipeline that is kept in any case, and runs natively where that is possible."""
        try:
            return await self._ask("CreatePipeline", asked, identity)
        except DarkroomError as error:
            if not asked.operations or not (error.field or "").startswith("operations"):
                raise
            asked.ClearField("operations")
            return await self._ask("CreatePipeline", asked, identity)

    async def list_saved(self, request: Request, identity: Identity) -> Response:
        """All that the caller sees and that have steps: natively saved ones have none."""
        found: list[dict[str, object]] = []
        token = ""
        while True:
            asked = pipelines_service_pb2.ListPipelinesRequest(page_token=token)
            reply: pipelines_service_pb2.ListPipelinesResponse = await self._ask("ListPipelines", asked, identity)
            found += [_described(each) for each in reply.pipelines if each.steps]
            token = reply.next_page_token
            if not token:
                return answer({"pipelines": found})

    async def delete(self, request: Request, identity: Identity) -> Response:
        """Delete one."""
        asked = pipelines_service_pb2.DeletePipelineRequest(id=storable(request.path_params["id"]))
        try:
            await self._ask("DeletePipeline", asked, identity)
        except DarkroomError as error:
            match error.reason:
                case ErrorReason.PIPELINE_NOT_FOUND:
                    raise Refusal(404, "Pipeline not found") from error
                case ErrorReason.PERMISSION_DENIED:
                    raise Refusal(403, "Not authorized to delete this pipeline") from error
            raise
        return answer({"ok": True})

    async def tools(self, request: Request, identity: Identity) -> Response:
        """The tools that a step may be."""
        return answer({"toolIds": list(await self._reader.tools())})

    async def _ask(self, method: str, request: Message, identity: Identity) -> Any:
        return (await self._backend.call("tasks", _METHODS[method], request, identity)).message

    async def _read(self, body: object) -> pipelines_service_pb2.CreatePipelineRequest:
        """A pipeline to save. Raises `Refusal`, which names every fault."""
        fields = body if isinstance(body, dict) else {}
        steps, found = given_steps(fields.get("steps"), self._reader.most_steps)
        faults = [*_text_faults(fields), *found]
        asked = pipelines_service_pb2.CreatePipelineRequest()
        for index, step in enumerate(steps):
            try:
                asked.steps.append(_kept(step))
            except ValueError as error:
                faults.append({"path": f"steps.{index}.settings", "message": str(error)})
        if faults:
            raise Refusal(400, INVALID_PIPELINE, details=faults)
        tools = await self._reader.tools()
        for number, step in enumerate(steps, start=1):
            if step.tool_id not in tools:
                raise Refusal(400, unknown(number, step.tool_id))
        asked.operations.extend(operations_for_any_file(steps, tools))
        asked.name = storable(fields["name"])
        if fields.get("description") is not None:
            asked.description = storable(fields["description"])
        return asked


def _text_faults(fields: Mapping[str, Any]) -> Sequence[Mapping[str, object]]:
    name, description = fields.get("name"), fields.get("description")
    faults = []
    if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_NAME:
        faults.append({"path": "name", "message": f"must be a string of 1 to {_LONGEST_NAME} characters"})
    if description is not None and (not isinstance(description, str) or len(description) > _LONGEST_DESCRIPTION):
        faults.append({"path": "description", "message": f"must be a string of at most {_LONGEST_DESCRIPTION} characters"})
    return faults


def _kept(step: GivenStep) -> pipeline_pb2.PipelineStep:
    """A step as it is stored. Raises ValueError for settings that cannot be."""
    kept = pipeline_pb2.PipelineStep(tool_id=storable(step.tool_id))
    json_format.ParseDict(_storable_value(step.settings, 1), kept.settings)
    return kept


def _storable_value(value: Any, level: int) -> Any:
    if level > _DEEPEST:
        raise ValueError("is nested too deeply")
    match value:
        case str():
            return storable(value)
        case bool() | None:
            return value
        case int() | float():
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if not math.isfinite(number):
                raise ValueError("has a number that is too large")
            return number
        case list():
            return [_storable_value(each, level + 1) for each in value]
        case _:
            return {storable(name): _storable_value(each, level + 1) for name, each in value.items()}


def _shown(value: Any) -> Any:
    """The value as it was sent: numbers of messages are never whole."""
    match value:
        case float():
            return int(value) if value.is_integer() else value
        case list():
            return [_shown(each) for each in value]
        case dict():
            return {name: _shown(each) for name, each in value.items()}
        case _:
            return value


def _described(pipeline: pipeline_pb2.Pipeline) -> dict[str, object]:
    """A saved pipeline as the surface's clients know it."""
    return {
        "id": pipeline.id,
        "name": pipeline.name,
        "description": pipeline.description if pipeline.HasField("description") else None,
        "steps": [{"toolId": step.tool_id, "settings": _shown(json_format.MessageToDict(step.settings))} for step in pipeline.steps],
        "createdAt": instant(pipeline.create_time),
    }
