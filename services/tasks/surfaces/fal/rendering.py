"""Tasks in the words of the fal queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from google.protobuf.struct_pb2 import Value

from compat.fal.v1 import queue_pb2
from darkroom.files.v1 import files_service_pb2
from services.platform.errors import DarkroomError, ErrorReason, Violation
from services.platform.json_models import value_of
from services.platform.rpc import catalogue
from services.tasks.model import Task
from services.tasks.model.state import TaskState
from services.tasks.surfaces.rendering import notices_of

_LEAST_PROGRESS = 0.02
"""Below it, the time that a request takes is not estimated."""
_UNPROCESSABLE = 422
_PDF = "application/pdf"


class Status(StrEnum):
    """The states of a request. One that failed or was cancelled is COMPLETED too."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"


def status_of(task: Task) -> Status:
    """The state of a task. One that waits for another attempt stays in progress: clients do not expect it to go back."""
    if task.state.terminal:
        return Status.COMPLETED
    return Status.IN_PROGRESS if task.attempt > 0 else Status.IN_QUEUE


@dataclass(frozen=True, slots=True)
class Urls:
    """Where a request is found."""

    response: str
    status: str
    cancel: str

    @classmethod
    def of(cls, origin: str, model: str, task_id: int) -> Urls:
        """`origin` is what the client reaches the platform by, such as `https://media.example.com`."""
        base = f"{origin}/fal/queue/{model}/requests/{task_id}"
        return cls(base, f"{base}/status", f"{base}/cancel")


def submit_reply(task: Task, urls: Urls, queue_position: int) -> queue_pb2.SubmitReply:
    """A request just accepted."""
    return queue_pb2.SubmitReply(
        request_id=str(task.id),
        response_url=urls.response,
        status_url=urls.status,
        cancel_url=urls.cancel,
        status=Status.IN_QUEUE,
        queue_position=queue_position,
        gateway_request_id=str(task.id),
    )


def queue_status(task: Task, urls: Urls, queue_position: int, logs: Sequence[dict[str, str]] | None) -> queue_pb2.QueueStatus:
    """The state of a request; `logs` are the lines to show, None if none were asked for."""
    status = status_of(task)
    failure = failure_of(task)
    return queue_pb2.QueueStatus(
        status=status,
        queue_position=queue_position,
        logs=value_of(list(logs)) if logs is not None else Value(null_value=0),  # type: ignore[arg-type]
        statusMessages=_messages(task) if status is Status.IN_PROGRESS else None,
        metrics=queue_pb2.Metrics(inference_time=_seconds(task)) if status is Status.COMPLETED else None,
        error=failure.message if failure is not None else None,
        error_type=str(catalogue.surface("fal").code(failure.reason)) if failure is not None else None,
        request_id=str(task.id),
        response_url=urls.response,
        status_url=urls.status,
        cancel_url=urls.cancel,
    )


def failure_of(task: Task) -> DarkroomError | None:
    """Why a task has failed or was cancelled, blamed on its input where that is the cause; None for any other task."""
    if not task.state.terminal or task.state is TaskState.SUCCEEDED:
        return None
    reason = task.error_reason or (ErrorReason.CANCELLED if task.state is TaskState.CANCELLED else ErrorReason.INTERNAL)
    error = DarkroomError(reason, task.error_message or "The request failed.")
    surface = catalogue.surface("fal")
    if surface.errors is None or surface.errors.http_status(error) != _UNPROCESSABLE:
        return error
    # The field, where the worker knew it, comes first in the message.
    return DarkroomError(reason, error.message, violations=[Violation("", error.message, str(surface.code(reason)))])


def result(task: Task, downloads: Sequence[files_service_pb2.Download]) -> queue_pb2.QueueResult:
    """The outputs of a task."""
    media = [_media(download) for download in downloads]
    pictures = [each for each in media if each.content_type.startswith("image/")]
    documents = [each for each in media if each.content_type == _PDF]
    others = [each for each in media if each not in pictures and each not in documents]
    return queue_pb2.QueueResult(
        image=pictures[0] if pictures else None,
        images=pictures,
        pdf=documents[0] if documents else None,
        file=others[0] if others else None,
        files=media if documents or others else (),
        results=[each.url for each in media],
        notices=[
            queue_pb2.ResultNotice(code=notice.code, subject=notice.subject or None, message=notice.message) for notice in notices_of(task)
        ],
    )


def _media(download: files_service_pb2.Download) -> queue_pb2.Media:
    file = download.file
    sized = file.HasField("image")
    return queue_pb2.Media(
        url=download.url,
        data_uri=download.url,
        file_name=file.name,
        content_type=file.media_type,
        file_size=file.size_bytes,
        width=file.image.width if sized else None,
        height=file.image.height if sized else None,
    )


def _messages(task: Task) -> queue_pb2.StatusMessages:
    words = f"Progress: {round(task.progress * 100)} %"
    seconds = (task.update_time - task.start_time).total_seconds() if task.start_time is not None else 0.0
    known = task.progress >= _LEAST_PROGRESS and seconds > 0
    return queue_pb2.StatusMessages(
        message=f"{words}. {task.progress_message}" if task.progress_message else words,
        estimatedTotalTimeSeconds=float(max(1, round(seconds / task.progress))) if known else None,
    )


def _seconds(task: Task) -> float:
    if task.start_time is None or task.end_time is None:
        return 0.0
    return round(max(0.0, (task.end_time - task.start_time).total_seconds()), 3)
