"""The filters of a list of tasks."""

from __future__ import annotations

from darkroom.rest.v1 import task_list_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.moments import moment
from services.tasks.domain.owner.task_search import TaskQuery
from services.tasks.surfaces import ids
from services.tasks.surfaces.rest.status import State, Status, states_like, states_of

_NO_BATCH = 0


def query_of(request: task_list_pb2.ListTasksRequest) -> TaskQuery:
    """What is asked for. Raises FIELD_INVALID for `state` together with `status`, and for an impossible time."""
    if request.HasField("state") and request.HasField("status"):
        raise DarkroomError(ErrorReason.FIELD_INVALID, "state: takes the place of status; send one.", field="state")
    states, attempted = None, None
    if request.HasField("state"):
        states, attempted = states_like(State(request.state))
    elif request.HasField("status"):
        states, attempted = states_of(Status(request.status))
    return TaskQuery(
        states=states,
        attempted=attempted,
        operation=request.operation,
        name=request.name,
        # No batch has an invalid id, and no tasks are in it.
        batch_id=(ids.decimal_id(request.batch_id) or _NO_BATCH) if request.batch_id else None,
        created_after=moment(request.created_after, "created_after") if request.HasField("created_after") else None,
        created_before=moment(request.created_before, "created_before") if request.HasField("created_before") else None,
    )
