"""The account's stream of events as Server-Sent Events. The id of an event is the moment from which a client resumes, in milliseconds since
1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

from darkroom.rest.v1 import account_tasks_pb2
from services.tasks.domain.owner.account_watching import DeletedTask, Ready, Reset, Resumable, Update
from services.tasks.model.deletion import Deletion
from services.tasks.surfaces.rest import messages
from services.tasks.surfaces.server_sent_events import server_sent_event

_EPOCH, _MILLISECOND = datetime.fromtimestamp(0, UTC), timedelta(milliseconds=1)
# The year 9999.
_LATEST = 253_402_300_799_999


def event_id(moment: datetime) -> str:
    """The id of an event after which a client resumes from a moment."""
    return str(_number(moment))


def moment_of(number: int) -> datetime:
    """The moment from which a client resumes after the event with an id."""
    return _EPOCH + min(number, _LATEST) * _MILLISECOND


def account_event(update: Resumable) -> bytes:
    """One event of the stream."""
    number = _number(update.moment)
    match update:
        case Update(task=task):
            return server_sent_event(number, _json(messages.list_item(task)))
        case DeletedTask(deletion=deletion):
            return server_sent_event(number, _json(_deleted(deletion)), "deleted")
        case Reset():
            return server_sent_event(number, "{}", "reset")
        case Ready():
            return server_sent_event(number, "{}", "ready")
    raise TypeError(update)


def _deleted(deletion: Deletion) -> account_tasks_pb2.TaskDeletion:
    return account_tasks_pb2.TaskDeletion(
        task_id=str(deletion.task_id) if deletion.task_id is not None else None,
        batch_id=str(deletion.batch_id) if deletion.batch_id is not None else None,
    )


def _number(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _json(message: Message) -> str:
    # As in the list: what is empty is there.
    return MessageToJson(message, indent=None, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
