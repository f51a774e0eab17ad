"""Saved pipelines: tools that are run one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import grpc

from darkroom.calls import Call, new_key, pages
from darkroom.tasks.v1 import pipeline_pb2, pipelines_service_pb2, pipelines_service_pb2_grpc

_PAGE = 50


class Pipelines:
    """`pipelines` of `AsyncClient`. Its methods raise the same exceptions as those of the client.

    They are run through an API that has tools, such as SnapOtter's.
    """

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub, self._call = pipelines_service_pb2_grpc.PipelinesServiceStub(channel), call

    async def create(
        self,
        name: str,
        steps: Sequence[tuple[str, Mapping[str, Any]]],
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
