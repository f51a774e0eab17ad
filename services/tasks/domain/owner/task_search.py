"""An account's search for its tasks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from darkroom.operations.v1 import operation_pb2
from services.pictures.operations import specs
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.domain.owner.account_tasks import TaskPage
from services.tasks.domain.pages import before_id, page_token
from services.tasks.model import Task
from services.tasks.model.state import TaskState
from services.tasks.store.search import SearchStore, TaskFilter

_DEFAULT_PAGE = 100
_STRETCH = 20_000
"""Tasks that one statement looks at: some 50 ms."""
_STRETCHES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """Which tasks are asked for; None and empty mean any."""

    states: Collection[TaskState] | None = None
    has_attempts: bool | None = None
    """Only tasks that have been attempted, or only those that have not."""
    operation: str = ""
    """Name of an operation that they have."""
    name: str = ""
    """A part of the name of an input, in upper or lower case."""
    batch_id: int | None = None
    created_after: datetime | None = None
    """They were accepted then or later."""
    created_before: datetime | None = None


class TaskSearch:
    """Searches the tasks of an account, and no others."""

    def __init__(self, store: SearchStore) -> None:
        self._store = store

    async def page(self, account_id: int, query: TaskQuery, *, size: int, token: str) -> TaskPage:
        """`size` tasks (0: 100), newest first. A page is shorter, with a token nevertheless, if 100,000 tasks have been looked at.

        Raises FIELD_INVALID for an operation that there is not, and for a token that it did not make.
        """
        wanted = TaskFilter(
            account_id=account_id,
            states=frozenset(query.states) if query.states is not None else None,
            has_attempts=query.has_attempts,
            tag=_tag(query.operation) if query.operation else None,
            name=query.name or None,
            batch_id=query.batch_id,
            created_after=query.created_after,
            created_before=query.created_before,
        )
        size, below = size or _DEFAULT_PAGE, before_id(token)
        tasks: list[Task] = []
        for _ in range(_STRETCHES):
            found = await self._store.find(wanted, before_id=below, stretch=_STRETCH, limit=size + 1 - len(tasks))
            tasks += found.tasks
            if len(tasks) > size:
                return TaskPage(tasks[:size], page_token(tasks[size - 1].id))
            if found.looked_until is None:
                return TaskPage(tasks, "")
            below = found.looked_until
        return TaskPage(tasks, page_token(below))


def _tag(name: str) -> bytes:
    """The prefix of a stored operation of a kind: the number of its field, because it has no other. Raises FIELD_INVALID."""
    if name not in specs():
        raise DarkroomError(ErrorReason.FIELD_INVALID, f"operation: there is no operation {name}.", field="operation")
    empty = operation_pb2.Operation()
    getattr(empty, name).SetInParent()
    # The last byte says that nothing follows.
    return empty.SerializeToString()[:-1]
