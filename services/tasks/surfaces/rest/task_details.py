"""Everything about a task."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import zip_longest

from google.protobuf.timestamp_pb2 import Timestamp

from darkroom.rest.v1 import task_details_pb2 as pb
from services.platform.errors import ErrorReason
from services.tasks.domain.credits.amounts import MILLI
from services.tasks.domain.lifecycle.delivering import delivered_uris
from services.tasks.domain.owner.account_tasks import Details
from services.tasks.model import Task, TaskAttempt, TaskEvent
from services.tasks.surfaces.rendering import shown_operations, timestamp
from services.tasks.surfaces.rest import messages
from services.tasks.surfaces.rest.notices import not_applied, notices
from services.tasks.surfaces.rest.parameters import as_struct
from services.tasks.surfaces.rest.status import state_of


def task_details(task: Task, details: Details, events: Sequence[TaskEvent], *, kept: timedelta) -> pb.TaskDetails:
    """Data of the reply. `kept` is how long a task is kept after its end."""
    # The fields of an item have the same numbers here.
    data = pb.TaskDetails.FromString(messages.list_item(task).SerializeToString())
    data.MergeFrom(
        pb.TaskDetails(
            parameters=map(as_struct, shown_operations(task)),
            inputs=[pb.TaskInput(file_id=str(file_id), name=name) for file_id, name in zip_longest(task.input_file_ids, task.input_names)],
            output_file_ids=map(str, task.output_file_ids),
            attempts=map(_attempt, details.attempts),
            events=map(_event, events),
            queue_position=details.queue_position,
            estimated_wait_seconds=details.estimated_wait.total_seconds() if details.estimated_wait is not None else None,
            credits_reserved=0 if task.state.terminal else task.reserved_millicredits / MILLI,
            credits_charged=task.charged_millicredits / MILLI,
            max_attempts=task.max_attempts + task.handed_back,
            deadline=_moment(task.deadline),
            webhook_url=task.webhook_url,
            started_at=_moment(task.start_time),
            ended_at=_moment(task.end_time),
            expires_at=_moment(task.end_time + kept if task.end_time is not None else None),
            not_applied=not_applied(task),
            notices=notices(task),
            waiting_for=messages.waiting_for(details.waiting_for) if details.waiting_for is not None else None,
            destination=task.destination or None,
            delivered_uris=delivered_uris(task),
        )
    )
    return data


def _attempt(attempt: TaskAttempt) -> pb.TaskAttempt:
    return pb.TaskAttempt(
        number=attempt.attempt,
        worker=attempt.worker or None,
        started_at=timestamp(attempt.start_time),
        ended_at=_moment(attempt.end_time),
        outcome=attempt.outcome.value.lower() if attempt.outcome is not None else None,
        error_type=_reason(attempt.error_reason),
        error_message=attempt.error_message,
    )


def _event(event: TaskEvent) -> pb.TaskTimelineEvent:
    return pb.TaskTimelineEvent(
        sequence=event.sequence,
        state=state_of(event.state, event.attempt),
        attempt=event.attempt,
        progress=messages.short(event.progress),
        message=event.message or None,
        error_type=_reason(event.error_reason),
        error_message=event.error_message,
        at=timestamp(event.time),
    )


def _reason(reason: ErrorReason | None) -> str | None:
    return reason.value.lower() if reason is not None else None


def _moment(moment: datetime | None) -> Timestamp | None:
    return timestamp(moment) if moment is not None else None
