"""The vocabulary of `/v1`: its parameters as operations, and tasks as its replies."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from google.protobuf.json_format import MessageToJson

from darkroom.files.v1 import files_service_pb2
from darkroom.operations.v1 import (
    convert_pb2,
    operation_pb2,
    redraw_pdf_pb2,
    remove_background_pb2,
    remove_pdf_watermark_pb2,
    remove_watermark_pb2,
    upscale_pb2,
)
from darkroom.rest.v1 import images_pb2, pdfs_pb2, task_list_pb2, tasks_pb2
from services.pictures.operations import spec_of
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.credits.amounts import MILLI
from services.tasks.domain.order.waiting import WaitingFor
from services.tasks.domain.plan import operations_of
from services.tasks.model import Task, TaskEvent
from services.tasks.model.state import TaskState
from services.tasks.surfaces import ids
from services.tasks.surfaces.rendering import once_an_event, timestamp
from services.tasks.surfaces.rest.notices import not_applied, notices
from services.tasks.surfaces.rest.status import Status, state_of, status_of
from services.tasks.surfaces.server_sent_events import server_sent_event

SUBJECTS: Mapping[str, remove_background_pb2.Subject.ValueType] = {
    "portrait": remove_background_pb2.SUBJECT_PORTRAIT,
    "human": remove_background_pb2.SUBJECT_PORTRAIT,
    "person": remove_background_pb2.SUBJECT_PORTRAIT,
    "humanv2": remove_background_pb2.SUBJECT_PORTRAIT,
    "product": remove_background_pb2.SUBJECT_PRODUCT,
    "goods": remove_background_pb2.SUBJECT_PRODUCT,
    "commodity": remove_background_pb2.SUBJECT_PRODUCT,
    "productv2": remove_background_pb2.SUBJECT_PRODUCT,
    "general": remove_background_pb2.SUBJECT_GENERAL,
}
QUALITIES: Mapping[str, remove_background_pb2.CutoutQuality.ValueType] = {
    "original": remove_background_pb2.CUTOUT_QUALITY_BEST,
    "fast": remove_background_pb2.CUTOUT_QUALITY_FAST,
    "speed": remove_background_pb2.CUTOUT_QUALITY_FAST,
    "draft": remove_background_pb2.CUTOUT_QUALITY_FAST,
    "preview": remove_background_pb2.CUTOUT_QUALITY_FAST,
    "low": remove_background_pb2.CUTOUT_QUALITY_FAST,
}
CUTOUT_FORMATS: Mapping[str, remove_background_pb2.CutoutFormat.ValueType] = {
    "png": remove_background_pb2.CUTOUT_FORMAT_PNG,
    "webp": remove_background_pb2.CUTOUT_FORMAT_WEBP,
}
FACTORS: Mapping[str, int] = {"2X": 2, "3X": 3, "4X": 4, "8X": 8}
_EDITABLE_ONLY = ("dry_run",)
_BOTH_MODES = ("remove_likely", "report", "allow_signed", "owner_password")
_QUALITY_TOO = (upscale_pb2.ENHANCEMENT_QUALITY,)
# Every method uses the same network. `enhance` and the preset `hd` ask for more than resolution: less noise and crisper detail.
_PNG = convert_pb2.PICTURE_FORMAT_PNG
"""The format of the results of these calls, whatever the input has."""
UPSCALE_EXTRAS: Mapping[tuple[str, str], Collection[upscale_pb2.Enhancement.ValueType]] = {
    ("ai_super_resolution", "auto"): (),
    ("ai_super_resolution", "hd"): _QUALITY_TOO,
    ("super_resolution", "auto"): (),
    ("super_resolution", "hd"): _QUALITY_TOO,
    ("enhance", "auto"): _QUALITY_TOO,
    ("enhance", "hd"): _QUALITY_TOO,
}


def remove_background(request: images_pb2.RemoveBackgroundRequest) -> operation_pb2.Operation:
    """The operation; an alias means the same as its canonical value. Raises FIELD_INVALID for a background colour together with a
    picture."""
    if request.background_color and request.background_file_id:
        message = "background_file_id: replaces background_color; send only one of them."
        raise DarkroomError(ErrorReason.FIELD_INVALID, message, field="background_file_id")
    return operation_pb2.Operation(
        remove_background=remove_background_pb2.RemoveBackground(
            subject=SUBJECTS[request.industry_type] if request.industry_type else remove_background_pb2.SUBJECT_UNSPECIFIED,
            quality=QUALITIES[request.quality_type or "original"],
            trim=request.trim_transparent_background,
            keep_shadow=request.keep_shadow,
            background_color=request.background_color,
            background_file_id=ids.file_id(request.background_file_id, "background_file_id") if request.background_file_id else 0,
            format=CUTOUT_FORMATS[request.output_format or "png"],
        )
    )


def remove_watermark(request: images_pb2.RemoveImageWatermarkRequest) -> operation_pb2.Operation:
    """The operation. Raises FIELD_INVALID for mode `manual` without boxes; mode `auto` does not use them."""
    if request.mode != "manual":
        return operation_pb2.Operation(remove_watermark=remove_watermark_pb2.RemoveWatermark(format=_PNG))
    if not request.boxes:
        raise DarkroomError(
            ErrorReason.FIELD_INVALID, "boxes: mode `manual` needs at least one box.", field="boxes", allowed=("1 to 5 boxes",)
        )
    return operation_pb2.Operation(remove_watermark=remove_watermark_pb2.RemoveWatermark(boxes=_boxes(request.boxes), format=_PNG))


def _boxes(given: Iterable[images_pb2.RemoveImageWatermarkBox]) -> list[remove_watermark_pb2.PercentBox]:
    return [remove_watermark_pb2.PercentBox(x1=box.x1, y1=box.y1, x2=box.x2, y2=box.y2) for box in given]


def upscale(request: images_pb2.ImageUpscaleRequest) -> operation_pb2.Operation:
    """The operation; `method` and `preset` mean what `UPSCALE_EXTRAS` says, in addition to the enhancements requested by name."""
    wanted = {
        upscale_pb2.ENHANCEMENT_FACE: request.enhance_face,
        upscale_pb2.ENHANCEMENT_QUALITY: request.enhance_quality,
        upscale_pb2.ENHANCEMENT_TEXT: request.enhance_text,
    }
    extras = UPSCALE_EXTRAS[request.method or "ai_super_resolution", request.preset or "auto"]
    enhancements = [enhancement for enhancement, asked in wanted.items() if asked or enhancement in extras]
    parameters = upscale_pb2.Upscale(
        factor=request.factor,
        width=request.width,
        height=request.height,
        longest_side=request.longest_side,
        enhancements=enhancements,
        format=_PNG,
    )
    if not (request.width or request.height or request.longest_side or request.factor):
        parameters.factor = FACTORS[(request.type or "2X").upper()]
    return operation_pb2.Operation(upscale=parameters)


def remove_pdf_watermark(request: pdfs_pb2.PDFRemoveWatermarkRequest) -> operation_pb2.Operation:
    """The operation: one for mode `editable`, another for mode `ai`. Raises FIELD_INVALID for an option that the mode does not have."""
    if request.mode == "ai":
        for name in _EDITABLE_ONLY:
            if getattr(request, name):
                raise DarkroomError(ErrorReason.FIELD_INVALID, f"Mode ai does not support {name}; mode editable does.", field=name)
        chosen = {name: getattr(request, name) for name in _BOTH_MODES}
        return operation_pb2.Operation(redraw_pdf=redraw_pdf_pb2.RedrawPdf(**chosen, boxes=_boxes(request.boxes)))
    if request.boxes:
        raise DarkroomError(ErrorReason.FIELD_INVALID, "Mode editable does not support boxes; mode ai does.", field="boxes")
    chosen = {name: getattr(request, name) for name in (*_EDITABLE_ONLY, *_BOTH_MODES)}
    parameters = remove_pdf_watermark_pb2.RemovePdfWatermark(**chosen)
    return operation_pb2.Operation(remove_pdf_watermark=parameters)


def create_result(task: Task) -> tasks_pb2.TaskCreateResult:
    """Data of the reply to a create."""
    return tasks_pb2.TaskCreateResult(
        task_id=str(task.id),
        status=status_of(task.state, task.attempt),
        status_url=_status_url(task),
        result_url=_result_url(task),
        created_at=timestamp(task.create_time),
        not_applied=not_applied(task),
        notices=notices(task),
        estimated_seconds=task.estimated_seconds,
    )


def waiting_for(waiting: WaitingFor) -> tasks_pb2.TaskWaitingFor:
    """The reason that a task waits."""
    machine = waiting.machine
    if machine is None:
        return tasks_pb2.TaskWaitingFor(reason="no_worker")
    return tasks_pb2.TaskWaitingFor(reason="worker_away", worker=machine.name, last_seen_at=timestamp(machine.seen_time))


def status(task: Task, waiting: WaitingFor | None = None) -> tasks_pb2.TaskStatusResult:
    """Data of the reply to a status poll."""
    return tasks_pb2.TaskStatusResult(
        task_id=str(task.id),
        status=status_of(task.state, task.attempt),
        error_type=_error_type(task),
        error_message=_error_message(task),
        created_at=timestamp(task.create_time),
        updated_at=timestamp(task.update_time),
        result_url=_result_url(task),
        progress=short(task.progress),
        not_applied=not_applied(task),
        notices=notices(task),
        unchanged=task.unchanged or None,
        waiting_for=waiting_for(waiting) if waiting is not None else None,
    )


def result(task: Task, downloads: list[files_service_pb2.Download]) -> tasks_pb2.TaskResult:
    """Data of the reply to a result poll. An archive that follows other outputs contains all of them."""
    archived = len(task.output_file_ids) > 1 and bool(downloads) and downloads[-1].file.media_type == "application/zip"
    return tasks_pb2.TaskResult(
        task_id=str(task.id),
        status=status_of(task.state, task.attempt),
        error_type=_error_type(task),
        error_message=_error_message(task),
        files=map(_result_file, downloads[:-1] if archived else downloads),
        zip_file=_result_file(downloads[-1]) if archived else None,
        not_applied=not_applied(task),
        notices=notices(task),
        unchanged=task.unchanged or None,
    )


def add_result(data: tasks_pb2.TaskCreateResult, result: tasks_pb2.TaskResult) -> None:
    """Complete the reply to a create with the result of the task, which has ended meanwhile."""
    for field, value in result.ListFields():
        if field.is_repeated:
            listed = getattr(data, field.name)
            del listed[:]
            listed.extend(value)
        elif field.message_type is not None:
            getattr(data, field.name).CopyFrom(value)
        else:
            setattr(data, field.name, value)


def redirecting_result_url(task: Task) -> str:
    """Path of the result call that waits and then leads to the result."""
    return f"{_result_url(task)}?wait=60&redirect=true"


def list_item(task: Task) -> task_list_pb2.TaskListItem:
    millicredits = task.charged_millicredits if task.state.terminal else task.price_millicredits
    return task_list_pb2.TaskListItem(
        task_id=str(task.id),
        status=status_of(task.state, task.attempt),
        operations=[spec_of(operation).name for operation in operations_of(task)],
        file_ids=map(str, task.input_file_ids),
        progress=short(task.progress),
        credits=millicredits / MILLI,
        error_type=_error_type(task),
        error_message=_error_message(task),
        created_at=timestamp(task.create_time),
        updated_at=timestamp(task.update_time),
        status_url=_status_url(task),
        result_url=_result_url(task),
        input_names=task.input_names,
        batch_id=str(task.batch_id) if task.batch_id is not None else None,
        state=state_of(task.state, task.attempt),
        priority=task.priority,
        notice_count=len(task.notices),
        message=(task.progress_message or None) if task.state is TaskState.RUNNING else None,
        sequence=task.last_sequence,
        unchanged=task.unchanged or None,
    )


@once_an_event
def stream_event(event: TaskEvent) -> bytes:
    """One event of a task's stream."""
    state = status_of(event.state, event.attempt)
    failed = state is Status.FAILED
    data = tasks_pb2.TaskStreamEvent(
        task_id=str(event.task_id),
        status=state,
        progress=short(event.progress),
        message=event.message or None,
        error_type=event.error_reason.value.lower() if failed and event.error_reason is not None else None,
        error_message=(event.error_message or "") if failed else None,
        unchanged=event.unchanged or None,
        created_at=timestamp(event.time),
    )
    return server_sent_event(event.sequence, MessageToJson(data, indent=None, preserving_proto_field_name=True))


def _result_file(download: files_service_pb2.Download) -> tasks_pb2.ResultFile:
    file = download.file
    return tasks_pb2.ResultFile(
        id=str(file.id),
        name=file.name,
        type=file.name.rpartition(".")[2].lower(),
        size=float(file.size_bytes),
        download_url=download.url,
        download_url_expires_at=download.expire_time,
        expires_at=file.expire_time if file.HasField("expire_time") else None,
    )


def _status_url(task: Task) -> str:
    return f"/v1/tasks/{task.id}/status"


def _result_url(task: Task) -> str:
    return f"/v1/tasks/{task.id}/result"


def _failed(task: Task) -> bool:
    return status_of(task.state, task.attempt) is Status.FAILED


def _error_type(task: Task) -> str | None:
    return task.error_reason.value.lower() if _failed(task) and task.error_reason is not None else None


def _error_message(task: Task) -> str | None:
    return task.error_message if _failed(task) else None


def short(share: float) -> float:
    """A share as a short decimal number: binary fractions print as 0.21200000000000002."""
    return round(share, 3)
