"""Saved pipelines: operations that are run one after the other."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import grpc

from darkroom.batches import Batches
from darkroom.calls import Call, new_key, pages
from darkroom.operations.v1 import operation_pb2
from darkroom.running import Input, RunningPart
from darkroom.task_calls import OnEvent
from darkroom.tasks.v1 import batches_service_pb2, pipeline_pb2, pipelines_service_pb2, pipelines_service_pb2_grpc
from darkroom.transfer import Progress

_PAGE = 50
_PARALLEL_UPLOADS = 4

Operations = Sequence[operation_pb2.Operation]
"""Operations in order, which `darkroom.operations` builds."""


class Pipelines:
    """`pipelines` of `AsyncClient`. Its methods raise the same exceptions as those of the client."""

    def __init__(self, channel: grpc.aio.Channel, call: Call, running: RunningPart, batches: Batches) -> None:
        self._stub, self._call = pipelines_service_pb2_grpc.PipelinesServiceStub(channel), call
        self._running, self._batches = running, batches

    async def create(
        self, name: str, operations: Operations, description: str | None = None, *, idempotency_key: str | None = None
    ) -> pipeline_pb2.Pipeline:
        """Save a pipeline of 1 to 64 operations.

        A call that fails on the way is retried and never saves a second one. With your own `idempotency_key`, calling again within 24 hours
        returns the same pipeline.
        """
        request = pipelines_service_pb2.CreatePipelineRequest(name=name, description=description, operations=operations)
        reply: pipelines_service_pb2.CreatePipelineResponse = await self._call(
            self._stub.CreatePipeline, request, idempotency_key=idempotency_key or new_key()
        )
        return reply.pipeline

    async def update(self, pipeline_id: str, name: str, operations: Operations, description: str | None = None) -> pipeline_pb2.Pipeline:
        """Replace the name, the operations and the description of a pipeline. Tasks that exist do not change."""
        request = pipelines_service_pb2.UpdatePipelineRequest(id=pipeline_id, name=name, description=description, operations=operations)
        reply: pipelines_service_pb2.UpdatePipelineResponse = await self._call(self._stub.UpdatePipeline, request)
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
        pipeline: str | pipeline_pb2.Pipeline | Operations,
        source: Input,
        folder: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        name: str | None = None,
        idempotency_key: str | None = None,
        on_upload: Progress | None = None,
        on_event: OnEvent | None = None,
        on_download: Progress | None = None,
    ) -> Sequence[Path]:
        """Run a saved pipeline, given by its id, or operations on a file, and download the results into a folder. Returns their paths.

        One task does all operations. The rest is as in `AsyncClient.run` and `AsyncClient.download`: with your own `idempotency_key`,
        calling again within 24 hours continues the same upload and the same task, whatever has become of the pipeline. Raises TaskFailed.
        """
        pipeline_id, operations = _either(pipeline)
        task = await self._running.run(
            [source], operations, pipeline_id=pipeline_id, idempotency_key=idempotency_key, on_upload=on_upload, on_event=on_event
        )
        return await self._running.download(task, folder, overwrite=overwrite, name=name, on_progress=on_download)

    async def run_batch(
        self,
        pipeline: str | pipeline_pb2.Pipeline | Operations,
        sources: Sequence[Input],
        *,
        per_item: bool = False,
        idempotency_key: str | None = None,
        on_upload: Progress | None = None,
    ) -> batches_service_pb2.CreateBatchResponse:
        """Upload up to 500 files, and create a batch with a task for each; `AsyncClient.batches` follows it.

        `per_item` is that of `AsyncClient.batches.create`; a file that cannot be uploaded is an error either way. With your own
        `idempotency_key`, calling again with the same files within 24 hours continues the same uploads and the same batch.
        """
        pipeline_id, operations = _either(pipeline)
        slots = asyncio.Semaphore(_PARALLEL_UPLOADS)

        async def upload(number: int, given: Input) -> int:
            async with slots:
                return await self._running.auxiliary_id(given, f"input-{number}", idempotency_key, on_upload)

        work = [asyncio.ensure_future(upload(number, given)) for number, given in enumerate(sources)]
        try:
            file_ids = await asyncio.gather(*work)
        finally:
            for each in work:
                each.cancel()
        return await self._batches.create(
            [[file_id] for file_id in file_ids],
            operations,
            pipeline_id=pipeline_id,
            per_item=per_item,
            idempotency_key=idempotency_key,
        )


def _either(pipeline: str | pipeline_pb2.Pipeline | Operations) -> tuple[str, Operations]:
    """The id of a saved pipeline, or operations."""
    if isinstance(pipeline, str):
        return pipeline, ()
    return (pipeline.id, ()) if isinstance(pipeline, pipeline_pb2.Pipeline) else ("", pipeline)
