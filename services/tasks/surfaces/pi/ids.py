"""Ids as Pi's clients see them. A job is a task: its id is a UUID (version 8, RFC 9562) whose last digits are the task's id."""

from __future__ import annotations

import re
from uuid import UUID

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.trace import current_trace_id
from services.tasks.domain.owner.account_tasks import task_not_found
from services.tasks.surfaces.ids import decimal_id

_MARKS = 0x8 << 76 | 0x2 << 62
"""Version and variant: the digits of a UUID that are not the id's."""
_ABOVE_ANY = 10**15
_EVENT = re.compile(r"evt_pi_([1-9][0-9]{0,14})_([1-9][0-9]{0,9})", re.ASCII)
_PREFIX = "req_pi_"


def job_id(task_id: int) -> str:
    return uuid_of(task_id)


def uuid_of(held: int) -> str:
    """The UUID that holds a number."""
    return str(UUID(int=_MARKS | held))


def task_id(text: str) -> int:
    """The task of a job, by its UUID or its number. Raises TASK_NOT_FOUND for any other text, as for a job that does not exist."""
    found = number(text)
    if found is None:
        raise task_not_found()
    return found


def cursor(text: str, field: str) -> int:
    """The place in a list that a job id stands for, whether or not the job still exists. Raises FIELD_INVALID."""
    found = number(text)
    if found is None:
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: must be the id of a job.", field=field)
    return found


def event_id(task_id: int, sequence: int) -> str:
    return f"evt_pi_{task_id}_{sequence}"


def event_sequence(text: str, task_id: int, field: str) -> int:
    """The number of a task's event. Raises FIELD_INVALID for any other text."""
    found = _EVENT.fullmatch(text)
    if found is None or int(found[1]) != task_id:
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: must be the id of an event of this job.", field=field)
    return int(found[2])


def envelope_id() -> str:
    """`pi_req_…`: the id of the current request, which `X-Request-Id` and errors have as `req_pi_…`."""
    return f"pi_req_{current_trace_id().removeprefix(_PREFIX)}"


def number(text: str) -> int | None:
    """The number that an id stands for, given as a UUID or as itself; None for any other text."""
    if (decimal := decimal_id(text)) is not None:
        return decimal
    try:
        uuid = UUID(text)
    except ValueError:
        return None
    held = uuid.int ^ _MARKS
    return held if str(uuid) == text.lower() and 0 < held < _ABOVE_ANY else None
