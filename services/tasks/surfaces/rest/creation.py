"""`/v1/images/…` and `/v1/pdfs/…`: the calls that create single tasks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain
from typing import Protocol

from buf.validate import validate_pb2

from darkroom.operations.v1 import gpt_image_2_pb2, nano_banana_2_pb2, operation_pb2
from darkroom.rest.v1 import generation_pb2, images_pb2, images_pb2_grpc, pdfs_pb2, pdfs_pb2_grpc, tasks_pb2
from darkroom.tasks.v1 import task_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.idempotent_call import REPLAYED
from services.platform.identity import GATEWAY, current_identity
from services.platform.rpc.idempotency import current_idempotency
from services.platform.rpc.interceptor import Context
from services.platform.rpc.trace import Origin
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.requests import TaskRequest
from services.tasks.domain.plan import operations_of
from services.tasks.surfaces import ids
from services.tasks.surfaces.rendering import input_urls
from services.tasks.surfaces.rest import messages
from services.tasks.surfaces.rest.notices import unknown, unused_boxes
from services.tasks.surfaces.rest.replies import Replies, ReplyOptions

REFERENCE_FORMATS = ("jpg", "jpeg", "png", "webp")


def gpt_image_2(request: generation_pb2.GPTImage2Request) -> operation_pb2.Operation:
    """The operation. Raises FIELD_INVALID if neither references nor an aspect ratio determine the pictures' shape."""
    _check_aspect_ratio(request)
    parameters = gpt_image_2_pb2.GptImage2()
    _carry_over(request, parameters)
    if request.HasField("quality"):
        parameters.quality = request.quality
    return operation_pb2.Operation(gpt_image_2=parameters)


def nano_banana_2(request: generation_pb2.NanoBanana2Request) -> operation_pb2.Operation:
    """The operation. Raises FIELD_INVALID as `gpt_image_2`."""
    _check_aspect_ratio(request)
    parameters = nano_banana_2_pb2.NanoBanana2()
    _carry_over(request, parameters)
    return operation_pb2.Operation(nano_banana_2=parameters)


def _carry_over(
    request: generation_pb2.GPTImage2Request | generation_pb2.NanoBanana2Request,
    parameters: gpt_image_2_pb2.GptImage2 | nano_banana_2_pb2.NanoBanana2,
) -> None:
    parameters.prompt = request.prompt
    parameters.negative_prompt = request.negative_prompt
    if request.HasField("aspect_ratio"):
        parameters.aspect_ratio = request.aspect_ratio
    if request.HasField("resolution"):
        parameters.resolution = request.resolution
    if request.HasField("output_count"):
        parameters.count = request.output_count
    # Under `/v1`, a result of several files also includes an archive of them.
    parameters.archive = parameters.count > 1
    parameters.keep_reference_size = request.preprocess_mode == "off"


def _check_aspect_ratio(request: generation_pb2.GPTImage2Request | generation_pb2.NanoBanana2Request) -> None:
    if request.image_file_ids or request.HasField("aspect_ratio"):
        return
    rules = request.DESCRIPTOR.fields_by_name["aspect_ratio"].GetOptions().Extensions[validate_pb2.field]
    allowed = tuple(getattr(rules.string, "in"))
    raise DarkroomError(
        ErrorReason.FIELD_INVALID, "aspect_ratio: is required without image_file_ids.", field="aspect_ratio", allowed=allowed
    )


class Creation(ReplyOptions, Protocol):
    """The common part of all requests that create a task."""

    @property
    def webhook_url(self) -> str:
        """Is notified of the end; empty for none."""


class RestCreation:
    """Creates tasks of one operation, under a limit on open tasks that counts only such tasks."""

    def __init__(self, acceptance: Acceptance, replies: Replies, max_pooled: int) -> None:
        self._acceptance, self._replies, self._max_pooled = acceptance, replies, max_pooled

    async def create(
        self,
        operation: operation_pb2.Operation,
        source: str,
        request: Creation,
        context: Context,
        formats: Collection[str] | None = None,
        notices: Iterable[task_pb2.Notice] = (),
    ) -> tasks_pb2.TaskCreateEnvelope:
        """Accept a task for the file or files that the field `source` names; a single file may be named by a URL instead. `formats` are the
        documented formats, if fewer than the operation's; `notices` say what of the request has no effect."""
        named, url_field = getattr(request, source), source.replace("file_id", "url")
        url: str = getattr(request, url_field, "")
        if isinstance(named, str):
            file_ids, fields = ([], []) if url else ([named], [source])
        else:
            file_ids, fields = list(named), [f"{source}[{index}]" for index in range(len(named))]
        inputs = [ids.file_id(file_id, field) for file_id, field in zip(file_ids, fields, strict=True)]
        task = await self._acceptance.create(
            TaskRequest(
                account_id=current_identity().account_id,
                operations=[operation],
                input_file_ids=inputs,
                input_fields=fields,
                # The operation's parameters are fields of the request itself.
                auxiliary_field=lambda _position, _operation, auxiliary: auxiliary.field,
                formats=formats,
                max_pooled=self._max_pooled,
                trace_id=str(Origin.current()),
                idempotency=current_idempotency(),
                webhook_url=request.webhook_url,
                input_urls=input_urls({url_field: url} if url else {}),
                notices=[notice.SerializeToString() for notice in chain(unknown(), notices)],
            )
        )
        by_form = current_identity().service == GATEWAY
        if by_form and ((inputs and list(task.input_file_ids) != inputs) or operations_of(task) != [operation]):
            # An earlier call of the same form has made it, with files of its own.
            context.set_trailing_metadata(((REPLAYED, "true"),))
        return await self._replies.creation_reply(task, request, context)


class RestImages(images_pb2_grpc.ImagesServiceServicer):
    """`/v1/images/…`."""

    def __init__(self, creation: RestCreation) -> None:
        self._creation = creation

    async def RemoveBackground(self, request: images_pb2.RemoveBackgroundRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """Cut the subject out."""
        operation = messages.remove_background(request)
        return await self._creation.create(operation, "image_file_id", request, context)

    async def CreateGptImage2(self, request: generation_pb2.GPTImage2Request, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """Make pictures with GPT Image 2."""
        operation = gpt_image_2(request)
        return await self._creation.create(operation, "image_file_ids", request, context, REFERENCE_FORMATS)

    async def CreateNanoBanana2(self, request: generation_pb2.NanoBanana2Request, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """Make pictures with Nano Banana 2."""
        operation = nano_banana_2(request)
        return await self._creation.create(operation, "image_file_ids", request, context, REFERENCE_FORMATS)

    async def RemoveWatermark(self, request: images_pb2.RemoveImageWatermarkRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        operation, notices = messages.remove_watermark(request), unused_boxes(request)
        return await self._creation.create(operation, "image_file_id", request, context, notices=notices)

    async def Upscale(self, request: images_pb2.ImageUpscaleRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        """Enlarge."""
        operation = messages.upscale(request)
        return await self._creation.create(operation, "image_file_id", request, context)


class RestPdfs(pdfs_pb2_grpc.PdfsServiceServicer):
    """`/v1/pdfs/…`."""

    def __init__(self, creation: RestCreation) -> None:
        self._creation = creation

    async def RemoveWatermark(self, request: pdfs_pb2.PDFRemoveWatermarkRequest, context: Context) -> tasks_pb2.TaskCreateEnvelope:
        return await self._creation.create(messages.remove_pdf_watermark(request), "pdf_file_id", request, context)
