"""Tasks and batches as Claid's replies, and as its signed events."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from compat.claid.v1 import batches_pb2, edits_pb2, images_pb2
from darkroom.files.v1 import files_service_pb2
from darkroom.internal.tasks.v1 import stored_pb2
from services.pictures.geometry import Size
from services.pictures.media_format import MediaFormat
from services.platform.json_models import python_of, struct_of, value_of
from services.tasks.domain.batches.account_batches import AccountBatches
from services.tasks.domain.lifecycle.delivering import deliveries_of
from services.tasks.domain.webhooks.formats import WebhookEvent, WebhookMessage
from services.tasks.model import Task
from services.tasks.model.media import InputFile
from services.tasks.model.records import BatchNow
from services.tasks.surfaces.claid.kept import Body, batch_request_of, request_of
from services.tasks.surfaces.claid.models import MOST_INPUTS
from services.tasks.surfaces.claid.pictures import Inputs, Pictures
from services.tasks.surfaces.claid.status import Status, status_of, status_of_batch

_NAMES: Mapping[str, tuple[str, str]] = {each.media_type: (each.extension, each.value.upper()) for each in MediaFormat} | {
    "image/jpeg": ("jpeg", "JPEG"),
    "image/avif": ("av1", "AVIF"),
}
"""Claid's extension and name of a format: the usual ones except two."""
SIGNATURE = "X-Claid-Hmac-SHA256"


def input_fields(file: InputFile) -> dict[str, Any]:
    """`input_object` of a picture, or of another file, which has no size in pixels."""
    return _fields(file.media_type, file.image_size)


def input_image(file: InputFile) -> images_pb2.InputImage:
    """The same as a message."""
    return images_pb2.InputImage(**input_fields(file))


def output_image(download: files_service_pb2.Download, delivery: stored_pb2.StoredDelivery | None = None) -> images_pb2.OutputImage:
    """`output_object` of a result: at its destination, if it has one, or else behind a URL."""
    file = download.file
    size = (file.image.width, file.image.height) if file.HasField("image") else None
    fields = _fields(file.media_type, size)
    if delivery is None:
        return images_pb2.OutputImage(**fields, tmp_url=download.url)
    return images_pb2.OutputImage(
        **fields,
        object_key=delivery.key,
        object_bucket=delivery.bucket,
        object_uri=f"s3://{delivery.bucket}/{delivery.key}",
        claid_storage_uri=f"storage://{delivery.storage}/{delivery.path}",
    )


def _fields(media_type: str, size: Size | None) -> dict[str, Any]:
    kind = media_type.rpartition("/")[2]
    ext, format_ = _NAMES.get(media_type, (kind, kind.upper()))
    fields: dict[str, Any] = {"ext": ext, "mime": media_type, "format": format_}
    if size is not None:
        width, height = size
        fields |= {"mps": width * height / 1e6, "width": width, "height": height}
    return fields


_T = TypeVar("_T")
Downloads = Mapping[int, files_service_pb2.Download]


def accepted_reply(number: int, status: Status, created: datetime, url: str, request: Body) -> edits_pb2.EditAcceptedReply:
    """The reply to what starts an edit or a batch."""
    data = edits_pb2.EditAccepted(id=number, status=status, result_url=url, created_at=_moment(created), request=struct_of(request))
    return edits_pb2.EditAcceptedReply(data=data)


def edit_data(task: Task, inputs: Inputs, downloads: Downloads) -> edits_pb2.EditData:
    """The pictures of a task that has succeeded, in a synchronous reply."""
    result = _result(task, inputs, downloads)
    return edits_pb2.EditData(
        input=result.input_object if result.HasField("input_object") else None,
        output=result.output_object if result.HasField("output_object") else None,
    )


def edit_state(task: Task, inputs: Inputs, downloads: Downloads) -> edits_pb2.EditState:
    status = status_of(task)
    return edits_pb2.EditState(
        id=task.id,
        status=status,
        created_at=_moment(task.create_time),
        request=struct_of(request_of(task)),
        errors=[_error(task, inputs)] if status is Status.ERROR else [],
        result=_result(task, inputs, downloads) if status is Status.DONE else edits_pb2.EditResult(),
    )


def batch_state(batch: BatchNow, tasks: list[Task], inputs: Inputs, downloads: Downloads) -> batches_pb2.BatchEditState:
    """The state of a batch with these tasks, in order."""
    return batches_pb2.BatchEditState(
        id=batch.batch.id,
        status=status_of_batch(batch, tasks),
        created_at=_moment(batch.batch.create_time),
        request=struct_of(batch_request_of(tasks)),
        errors=[_error(task, inputs) for task in tasks if status_of(task) is Status.ERROR],
        results=[_result(task, inputs, downloads) for task in tasks if status_of(task) is Status.DONE],
    )


def _result(task: Task, inputs: Inputs, downloads: Downloads) -> edits_pb2.EditResult:
    found = _input(task, inputs)
    download = _first(task.output_file_ids, downloads)
    return edits_pb2.EditResult(
        input_object=input_image(found) if found is not None else None,
        output_object=output_image(download, deliveries_of(task).get(download.file.id)) if download is not None else None,
    )


def _error(task: Task, inputs: Inputs) -> edits_pb2.EditError:
    found = _input(task, inputs)
    return edits_pb2.EditError(
        error=task.error_message or "The task failed.",
        created_at=int((task.end_time or task.update_time).timestamp()),
        input_object=value_of(input_fields(found) if found is not None else None),
    )


def _input(task: Task, inputs: Inputs) -> InputFile | None:
    return _first(task.input_file_ids, inputs)


def _first(file_ids: Sequence[int], known: Mapping[int, _T]) -> _T | None:
    return next((known[file_id] for file_id in file_ids if file_id in known), None)


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


class ClaidWebhooks:
    """A `WebhookFormat`: events have the reply that GET gives, signed by HMAC."""

    def __init__(self, batches: AccountBatches, pictures: Pictures) -> None:
        self._batches, self._pictures = batches, pictures

    async def message(self, event: WebhookEvent) -> WebhookMessage:
        """The state of the task or batch that has ended; `{}` for a test."""
        match event.subject:
            case Task() as task:
                inputs, downloads = await self._pictures.of([task])
                body = _json(edits_pb2.EditStateReply(data=edit_state(task, inputs, downloads)))
            case BatchNow() as batch:
                page = await self._batches.tasks(batch.batch.account_id, batch.batch.id, states=(), size=MOST_INPUTS, token="")
                inputs, downloads = await self._pictures.of(page.tasks)
                body = _json(batches_pb2.BatchEditStateReply(data=batch_state(batch, page.tasks, inputs, downloads)))
            case None:
                body = b"{}"
        return WebhookMessage(body, {SIGNATURE: f"sha256={signature(event.secrets[0], body)}"})


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of a body by the text of a secret, `whsec_…`, in hexadecimal digits."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _json(reply: Message) -> bytes:
    """As the edge prints a reply."""
    printed = MessageToDict(reply, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return json.dumps(python_of(struct_of(printed)), ensure_ascii=False, separators=(",", ":")).encode()
