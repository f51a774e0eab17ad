"""`darkroom.tasks.v1.PipelinesService`, the native API."""

from __future__ import annotations

from darkroom.tasks.v1 import pipelines_service_pb2 as pb
from darkroom.tasks.v1 import pipelines_service_pb2_grpc
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.tasks.domain.pipelines import SavedPipelines
from services.tasks.surfaces.pipelines import current_viewer, definition, pipeline_message


class NativePipelines(pipelines_service_pb2_grpc.PipelinesServiceServicer):
    """Saved pipelines of the calling account, as its caller sees them."""

    def __init__(self, pipelines: SavedPipelines) -> None:
        self._pipelines = pipelines

    async def CreatePipeline(self, request: pb.CreatePipelineRequest, context: Context) -> pb.CreatePipelineResponse:
        """Save a pipeline."""
        pipeline = definition(request)
        pipeline.steps.extend(step.SerializeToString() for step in request.steps)
        saved = await self._pipelines.create(current_viewer(), pipeline, current_idempotency())
        return pb.CreatePipelineResponse(pipeline=pipeline_message(saved))

    async def GetPipeline(self, request: pb.GetPipelineRequest, context: Context) -> pb.GetPipelineResponse:
        return pb.GetPipelineResponse(pipeline=pipeline_message(await self._pipelines.get(current_viewer(), request.id)))

    async def ListPipelines(self, request: pb.ListPipelinesRequest, context: Context) -> pb.ListPipelinesResponse:
        """One page of pipelines."""
        page = await self._pipelines.page(current_viewer(), request.page_size, request.page_token)
        return pb.ListPipelinesResponse(pipelines=map(pipeline_message, page.pipelines), next_page_token=page.next_page_token)

    async def UpdatePipeline(self, request: pb.UpdatePipelineRequest, context: Context) -> pb.UpdatePipelineResponse:
        """Replace what a pipeline does, and its name."""
        saved = await self._pipelines.update(current_viewer(), request.id, definition(request))
        return pb.UpdatePipelineResponse(pipeline=pipeline_message(saved))

    async def DeletePipeline(self, request: pb.DeletePipelineRequest, context: Context) -> pb.DeletePipelineResponse:
        await self._pipelines.delete(current_viewer(), request.id)
        return pb.DeletePipelineResponse()
