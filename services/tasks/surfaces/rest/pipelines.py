"""`/v1/pipelines`."""

from __future__ import annotations

from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value

from darkroom.rest.v1 import envelope_pb2, pipelines_pb2_grpc, tasks_pb2
from darkroom.rest.v1 import pipelines_pb2 as pb
from services.platform.identity import current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.domain.pipelines import SavedPipelines
from services.tasks.model.pipeline import SavedPipeline
from services.tasks.surfaces import ids
from services.tasks.surfaces.pipelines import current_viewer, definition, pipeline_message
from services.tasks.surfaces.rendering import deadline_of, input_urls
from services.tasks.surfaces.rest.notices import SURFACE
from services.tasks.surfaces.rest.replies import Replies, tell_replayed

_SUCCESS = "success"


class RestPipelines(pipelines_pb2_grpc.PipelinesServiceServicer):
    """Saved pipelines of the calling account, as its caller sees them."""

    def __init__(self, pipelines: SavedPipelines, acceptance: Acceptance, replies: Replies) -> None:
        self._pipelines, self._acceptance, self._replies = pipelines, acceptance, replies

    async def CreatePipeline(self, request: pb.CreatePipelineRequest, context: Context) -> pb.PipelineEnvelope:
        """Save a pipeline."""
        return _reply(await self._pipelines.create(current_viewer(), definition(request), current_idempotency()))

    async def ListPipelines(self, request: pb.ListPipelinesRequest, context: Context) -> pb.PipelineListEnvelope:
        """One page of pipelines."""
        page = await self._pipelines.page(current_viewer(), request.page_size, request.page_token)
        data = pb.PipelineList(items=map(_pipeline, page.pipelines), next_page_token=page.next_page_token or None)
        return pb.PipelineListEnvelope(code=200, message=_SUCCESS, data=data)

    async def GetPipeline(self, request: pb.GetPipelineRequest, context: Context) -> pb.PipelineEnvelope:
        return _reply(await self._pipelines.get(current_viewer(), request.id))

    async def ReplacePipeline(self, request: pb.ReplacePipelineRequest, context: Context) -> pb.PipelineEnvelope:
        """Replace what a pipeline does, and its name."""
        return _reply(await self._pipelines.update(current_viewer(), request.id, definition(request)))

    async def DeletePipeline(self, request: pb.DeletePipelineRequest, context: Context) -> envelope_pb2.ResponseEnvelope:
        """Delete a pipeline."""
        await self._pipelines.delete(current_viewer(), request.id)
        return envelope_pb2.ResponseEnvelope(code=200, message=_SUCCESS, data=Value(null_value=NULL_VALUE))

    async def RunPipeline(self, request: pb.RunPipelineRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """Create a task."""
        fields = [f"file_ids[{index}]" for index in range(len(request.file_ids))]
        inputs = [ids.file_id(text, field) for text, field in zip(request.file_ids, fields, strict=True)]
        task = await self._acceptance.create(
            TaskRequest(
                account_id=current_identity().account_id,
                operations=(),
                saved=self._pipelines.to_run(current_viewer(), request.id, "id"),
                input_file_ids=inputs,
                input_fields=fields,
                files_field="file_ids",
                input_urls=input_urls({"image_url": request.image_url} if request.image_url else {}),
                priority=request.priority,
                deadline=deadline_of(request),
                webhook_url=request.webhook_url,
                trace_id=str(Origin.current()),
                idempotency=current_idempotency(),
                surface=SURFACE,
            )
        )
        tell_replayed(task, inputs, context)
        return await self._replies.creation_reply(task, request, context)


def _reply(saved: SavedPipeline) -> pb.PipelineEnvelope:
    return pb.PipelineEnvelope(code=200, message=_SUCCESS, data=_pipeline(saved))


def _pipeline(saved: SavedPipeline) -> pb.Pipeline:
    message = pipeline_message(saved)
    return pb.Pipeline(
        id=message.id,
        name=message.name,
        description=message.description if message.HasField("description") else None,
        operations=[ParseDict(MessageToDict(each, preserving_proto_field_name=True), Struct()) for each in message.operations],
        owner_id=message.owner_id or None,
        created_at=message.create_time,
        updated_at=message.update_time,
    )
