"""Tasks as jobs."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from compat.pi.v1 import job_pb2, stored_pb2, webhooks_pb2
from darkroom.files.v1 import files_service_pb2
from services.pictures.operations import spec_of
from services.platform.errors import ErrorReason
from services.platform.json_models import value_of
from services.platform.rpc import catalogue
from services.tasks.domain.plan import operations_of
from services.tasks.model import Task, TaskAttempt, TaskEvent
from services.tasks.model.media import InputFile
from services.tasks.surfaces.pi import ids
from services.tasks.surfaces.pi.states import Status, status_of
from services.tasks.surfaces.rendering import notices_of, timestamp

SURFACE = "pi"
_LIST = "list"
_ARCHIVE = "application/zip"
_NOT_APPLIED = "not_applied"
_PIPELINE, _GENERATION = "pipeline", "image_generation"


def envelope(
    task: Task,
    downloads: Sequence[files_service_pb2.Download],
    *,
    expanded: job_pb2.Expanded | None = None,
    fields: Collection[str] = (),
    kind: str = "job",
) -> job_pb2.JobEnvelope:
    """A reply about one job, with only the `fields` of it, if any are given."""
    data = job(task, downloads)
    if expanded is not None:
        data.expanded.CopyFrom(expanded)
    if fields:
        for field, _ in data.ListFields():
            if field.name not in fields and field.name != "expanded":
                data.ClearField(field.name)  # type: ignore[arg-type]  # the stub knows literals only
    return job_pb2.JobEnvelope(
        id=ids.envelope_id(),
        object=kind,
        status=status_of(task.state, task.attempt),
        created_at=_seconds(task),
        data=data,
        error=_failure(task),
    )


def job(task: Task, downloads: Sequence[files_service_pb2.Download]) -> job_pb2.Job:
    """A job. The downloads are those of its outputs."""
    status, said = status_of(task.state, task.attempt), _said(task)
    delivered = output(downloads) if status is Status.COMPLETED else None
    return job_pb2.Job(
        id=ids.job_id(task.id),
        job_id=ids.job_id(task.id),
        task_id=str(task.id),
        object="job",
        type=kind_of(task),
        status=status,
        result_url=value_of(_result_url(downloads) if delivered is not None else None),
        payload=job_pb2.JobPayload(output=delivered, image_url=_image_url(downloads)),
        job_result=delivered,
        error_log=value_of((task.error_message or "") if status is Status.FAILED else None),
        progress=round(task.progress, 3),
        metadata=said.metadata if said.HasField("metadata") else Struct(),
        client_reference_id=value_of(said.client_reference_id or None),
        not_applied=value_of(list(dict.fromkeys(each.subject for each in notices_of(task) if each.code == _NOT_APPLIED))),
        created_at=timestamp(task.create_time),
        updated_at=timestamp(task.update_time),
        completed_at=timestamp(task.end_time) if task.end_time is not None else None,
    )


def kind_of(task: Task) -> str:
    """The kind of a job: `image_generation`, the name of its only operation, or `pipeline`."""
    specs = [spec_of(operation) for operation in operations_of(task)]
    if specs[0].max_references:
        return _GENERATION
    return specs[0].name if len(specs) == 1 else _PIPELINE


def output(downloads: Sequence[files_service_pb2.Download]) -> job_pb2.JobOutput:
    """The result of a completed job."""
    return job_pb2.JobOutput(files=map(delivered_file, downloads))


def delivered_file(download: files_service_pb2.Download) -> job_pb2.JobFile:
    """An output file."""
    stored = download.file
    size = stored.image if stored.HasField("image") else None
    return job_pb2.JobFile(
        id=str(stored.id),
        object="file",
        name=stored.name,
        media_type=stored.media_type,
        size_bytes=stored.size_bytes,
        width=size.width if size is not None else None,
        height=size.height if size is not None else None,
        url=download.url,
        url_expires_at=download.expire_time,
    )


def file(described: InputFile) -> job_pb2.JobFile:
    """A file without its URL."""
    width, height = described.image_size or (None, None)
    return job_pb2.JobFile(
        id=str(described.id),
        object="file",
        name=described.name,
        media_type=described.media_type,
        size_bytes=described.size_bytes,
        width=width,
        height=height,
    )


def event(changed: TaskEvent) -> job_pb2.JobEvent:
    status = status_of(changed.state, changed.attempt)
    return job_pb2.JobEvent(
        id=ids.event_id(changed.task_id, changed.sequence),
        object="event",
        type=f"job.{status}",
        created_at=int(changed.time.timestamp()),
        job_id=ids.job_id(changed.task_id),
        sequence=changed.sequence,
        status=status,
        progress=round(changed.progress, 3),
        message=changed.message or None,
        error=error(changed.error_reason, changed.error_message),
    )


def attempt(tried: TaskAttempt) -> job_pb2.JobAttempt:
    return job_pb2.JobAttempt(
        object="attempt",
        number=tried.attempt,
        worker=tried.worker,
        status=status_of(tried.outcome, tried.attempt) if tried.outcome is not None else Status.PROCESSING,
        started_at=timestamp(tried.start_time),
        ended_at=timestamp(tried.end_time) if tried.end_time is not None else None,
        error=error(tried.error_reason, tried.error_message),
    )


def files_list(files: Sequence[job_pb2.JobFile]) -> job_pb2.JobFileList:
    return job_pb2.JobFileList(object=_LIST, data=files)


def events_list(task: Task, events: Sequence[TaskEvent], *, more: bool) -> job_pb2.JobEventList:
    return job_pb2.JobEventList(object=_LIST, data=map(event, events), has_more=more, url=f"/api/v1/jobs/{ids.job_id(task.id)}/events")


def events_envelope(task: Task, events: job_pb2.JobEventList) -> job_pb2.JobEventListEnvelope:
    """A reply with events of a job."""
    status = status_of(task.state, task.attempt)
    return job_pb2.JobEventListEnvelope(id=ids.envelope_id(), object=_LIST, status=status, created_at=_seconds(task), data=events)


def attempts_list(attempts: Sequence[TaskAttempt]) -> job_pb2.JobAttemptList:
    return job_pb2.JobAttemptList(object=_LIST, data=map(attempt, attempts))


def webhook_job(task: Task, downloads: Sequence[files_service_pb2.Download]) -> webhooks_pb2.WebhookJob:
    """A job that has ended, for a webhook."""
    shown, failure = job(task, downloads), _failure(task)
    return webhooks_pb2.WebhookJob(
        job_id=shown.id,
        job_type=shown.type,
        status=shown.status,
        result_url=shown.result_url,
        error=shown.error_log,
        error_code=value_of(failure.code if failure is not None else None),
        metadata=shown.metadata,
        client_reference_id=shown.client_reference_id,
        payload=shown.payload,
    )


def error(reason: ErrorReason | None, message: str | None) -> job_pb2.JobError | None:
    """Why a job or an attempt failed; None if it did not."""
    if reason is None:
        return None
    return job_pb2.JobError(code=str(catalogue.surface(SURFACE).code(reason)), message=message or "")


def text(message: job_pb2.JobEvent | job_pb2.JobEventListEnvelope | webhooks_pb2.WebhookEvent) -> str:
    """The JSON that the edge would make of a message: whole numbers have no point."""
    return json.dumps(_whole(MessageToDict(message, preserving_proto_field_name=True)), separators=(",", ":"))


def _whole(value: Any) -> Any:
    match value:
        case dict():
            return {name: _whole(each) for name, each in value.items()}
        case list():
            return [_whole(each) for each in value]
        case float() if value.is_integer():
            return int(value)
    return value


def _failure(task: Task) -> job_pb2.JobError | None:
    # While it waits for another attempt, the task has the error of the last one.
    if status_of(task.state, task.attempt) is not Status.FAILED:
        return None
    return error(task.error_reason or ErrorReason.INTERNAL, task.error_message)


def _said(task: Task) -> stored_pb2.StoredRequest:
    """The part of the request that created the task that Pi keeps; nothing if another API did."""
    return stored_pb2.StoredRequest.FromString(task.client_request) if task.surface == SURFACE else stored_pb2.StoredRequest()


def _result_url(downloads: Sequence[files_service_pb2.Download]) -> str | None:
    if not downloads:
        return None
    # An archive that follows other outputs contains all of them.
    return downloads[-1].url if downloads[-1].file.media_type == _ARCHIVE else downloads[0].url


def _image_url(downloads: Sequence[files_service_pb2.Download]) -> str | None:
    return next((each.url for each in downloads if each.file.media_type.startswith("image/")), None)


def _seconds(task: Task) -> int:
    return int(task.create_time.timestamp())
