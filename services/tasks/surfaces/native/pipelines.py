"""`darkroom.tasks.v1.PipelinesService`, the native API."""

from __future__ import annotations

from darkroom.tasks.v1 import pipeline_pb2, pipelines_service_pb2_grpc
from darkroom.tasks.v1 import pipelines_service_pb2 as pb
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.tasks.domain.pipelines import EVERYBODYS, SavedPipelines
from services.tasks.model.pipeline import SavedPipeline, Viewer
from services.tasks.surfaces.rendering import timestamp


class NativePipelines(pipelines_service_pb2_grpc.PipelinesServiceServicer):
    """Saved pipelines of the calling account, as its caller sees them."""

    def __init__(self, pipelines: SavedPipelines) -> None:
        self._pipelines = pipelines

    async def CreatePipeline(self, request: pb.CreatePipelineRequest, context: Context) -> pb.CreatePipelineResponse:
        """Save a pipeline."""
        definition = pipeline_pb2.Pipeline(name=request.name, steps=request.steps)
        if request.HasField("description"):
            definition.description = request.description
        saved = await self._pipelines.create(_viewer(), definition.SerializeToString(), current_idempotency())
        return pb.CreatePipelineResponse(pipeline=_message(saved))

    async def GetPipeline(self, request: pb.GetPipelineRequest, context: Context) -> pb.GetPipelineResponse:
        return pb.GetPipelineResponse(pipeline=_message(await self._pipelines.get(_viewer(), request.id)))

    async def ListPipelines(self, request: pb.ListPipelinesRequest, context: Context) -> pb.ListPipelinesResponse:
        """One page of pipelines."""
        page = await self._pipelines.page(_viewer(), request.page_size, request.page_token)
        return pb.ListPipelinesResponse(pipelines=map(_message, page.pipelines), next_page_token=page.next_page_token)

    async def DeletePipeline(self, request: pb.DeletePipelineRequest, context: Context) -> pb.DeletePipelineResponse:
        await self._pipelines.delete(_viewer(), request.id)
        return pb.DeletePipelineResponse()


def _viewer() -> Viewer:
    identity = current_identity()
    return Viewer(identity.account_id, identity.user.id if identity.user is not None else "", identity.permits(EVERYBODYS))


def _message(saved: SavedPipeline) -> pipeline_pb2.Pipeline:
    message = pipeline_pb2.Pipeline.FromString(saved.definition)
    message.id, message.owner_id = str(saved.id), saved.owner
    message.create_time.CopyFrom(timestamp(saved.create_time))
    return message
