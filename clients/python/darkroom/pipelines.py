"""Saved pipelines: tools that are run one after the other."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.json_format import MessageToDict

from darkroom.calls import Call, new_key, pages
from darkroom.content import Source, is_url, open_content
from darkroom.failures import InternalError
from darkroom.form_calls import FormCalls
from darkroom.naming import free_path, name_for, partial
from darkroom.tasks.v1 import pipeline_pb2, pipelines_service_pb2, pipelines_service_pb2_grpc
from darkroom.transfer import Progress, Transfers, nothing

_PAGE = 50
_EXECUTE = "/api/v1/pipeline/execute"

Steps = Sequence[tuple[str, Mapping[str, Any]]]
"""Tools and their settings, in order, such as `[("resize", {"width": 640}), ("compress", {})]`."""


@dataclass(frozen=True)
class PipelineStep:
    """A step that was run: its tool, and the size of what it made."""

    tool_id: str
    size_bytes: int


@dataclass(frozen=True)
class PipelineResult:
    """The result of a pipeline for a picture: the file it was saved as, its size, and the steps."""

    path: Path
    size_bytes: int
    steps: Sequence[PipelineStep]

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name


class Pipelines:
    """`pipelines` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call, forms: FormCalls, transfers: Transfers) -> None:
        self._stub, self._call = pipelines_service_pb2_grpc.PipelinesServiceStub(channel), call
        self._forms, self._transfers = forms, transfers

    async def create(
        self,
        name: str,
        steps: Steps,
        description: str | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> pipeline_pb2.Pipeline:
        """Save a pipeline. A step is a tool and its settings, such as `("resize", {"width": 640})`.

        A call that fails on the way is retried and never saves a second one. With your own `idempotency_key`, calling again within 24 hours
        returns the same pipeline. Raises ValueError for settings that are no JSON.
        """
        request = pipelines_service_pb2.CreatePipelineRequest(name=name, description=description)
        for tool, settings in steps:
            request.steps.add(tool_id=tool).settings.update(settings)
        reply: pipelines_service_pb2.CreatePipelineResponse = await self._call(
            self._stub.CreatePipeline, request, idempotency_key=idempotency_key or new_key()
        )
        return reply.pipeline

    async def get(self, pipeline_id: str) -> pipeline_pb2.Pipeline:
        """One pipeline."""
        reply: pipelines_service_pb2.GetPipelineResponse = await self._call(
            self._stub.GetPipeline, pipelines_service_pb2.GetPipelineRequest(id=pipeline_id)
        )
        return reply.pipeline

    async def list(self, limit: int = 100) -> Sequence[pipeline_pb2.Pipeline]:
        """The newest pipelines that the caller sees, up to `limit`."""
        return [pipeline async for pipeline in self.iterate(limit)]

    async def iterate(self, limit: int | None = None) -> AsyncIterator[pipeline_pb2.Pipeline]:
        """The pipelines that the caller sees, newest first, fetched page by page as they are read."""
        request = pipelines_service_pb2.ListPipelinesRequest(page_size=_PAGE)
        async for pipeline in pages(self._call, self._stub.ListPipelines, request, "pipelines", limit):
            yield pipeline

    async def delete(self, pipeline_id: str) -> None:
        """Delete a pipeline."""
        await self._call(self._stub.DeletePipeline, pipelines_service_pb2.DeletePipelineRequest(id=pipeline_id))

    async def run(
        self,
        pipeline: str | pipeline_pb2.Pipeline | Steps,
        source: Source,
        folder: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        name: str | None = None,
        on_upload: Progress | None = None,
        on_download: Progress | None = None,
    ) -> PipelineResult:
        """Run a saved pipeline, given by its id, or steps on a picture, and download the result into a folder. It is created if necessary.

        The result has the name that the last step gives it, or `name` with the suffix of its format. Without `overwrite` an existing file
        is kept, and the result is numbered; the picture itself is always kept. A picture that is no path needs known first bytes, and it
        cannot be a URL (ValueError). If a step fails, nothing is saved, and `metadata["completed_steps"]` of the exception says how far it
        came. The call is repeated only if it has not reached the server, or the server asked for time.
        """
        if is_url(source):
            raise ValueError("A pipeline takes files, not URLs.")
        form = {
            "pipeline": json.dumps({"steps": [{"toolId": tool, "settings": settings} for tool, settings in await self._steps(pipeline)]})
        }
        with open_content(source) as content:
            made = await self._forms.post(_EXECUTE, form, content, on_upload or nothing)
        offered = made.get("downloadUrl")
        if not isinstance(offered, str):
            raise InternalError("INTERNAL", "This client does not understand the server's answer.")
        target, own = Path(folder), Path(unquote(offered.rpartition("/")[2])).name
        target.mkdir(parents=True, exist_ok=True)
        wanted = target / (name_for(own, name) if name else own)
        with free_path(wanted, overwrite=overwrite and not _same(wanted, source)) as path:
            with partial(path) as part:
                await self._transfers.get(f"{self._forms.url}{offered}", part, on_download or nothing)
            steps = tuple(PipelineStep(step["toolId"], step["size"]) for step in made.get("steps", ()))
            return PipelineResult(path, path.stat().st_size, steps)

    async def _steps(self, pipeline: str | pipeline_pb2.Pipeline | Steps) -> Steps:
        found = await self.get(pipeline) if isinstance(pipeline, str) else pipeline
        if not isinstance(found, pipeline_pb2.Pipeline):
            return found
        return [(step.tool_id, settings_of(step)) for step in found.steps]


def settings_of(step: pipeline_pb2.PipelineStep) -> dict[str, Any]:
    """The settings of a saved step."""
    settings: dict[str, Any] = _whole(MessageToDict(step.settings))
    return settings


def _whole(value: Any) -> Any:
    """The same with whole numbers as such: all numbers of a Struct are floats."""
    if isinstance(value, dict):
        return {name: _whole(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _same(path: Path, source: Source) -> bool:
    """Whether the path is that of the source."""
    return isinstance(source, str | os.PathLike) and path.exists() and path.samefile(source)
