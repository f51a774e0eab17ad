"""Rows become the dataclasses of the model, whose fields are columns of their tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime
from typing import Any

import pytest

from services.platform.errors import ErrorReason
from services.tasks import model
from services.tasks.model import LedgerEntry, LedgerKind, Task, TaskAttempt
from services.tasks.model.state import TaskState
from services.tasks.store import tables
from services.tasks.store.rows import attempt_of, entry_of, task_of

MODELS = [each for name in model.__all__ if hasattr(each := getattr(model, name), "__dataclass_fields__")]


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.__name__)
def test_the_fields_of_a_model_are_columns_of_its_table_in_their_order(kind: type) -> None:
    columns = list(getattr(tables, f"{kind.__name__}Row").__table__.columns.keys())
    assert [column for column in columns if column in _names(kind)] == _names(kind)


def test_a_row_may_have_more_columns_than_the_model() -> None:
    task = task_of({**dict.fromkeys(_names(Task)), "id": 7, "state": "RUNNING", "number": 3, "worker": "w"})
    assert (task.id, task.state, task.error_reason) == (7, TaskState.RUNNING, None)


@pytest.mark.parametrize(
    ("read", "kind", "columns"),
    [
        (task_of, Task, {"state": TaskState.QUEUED, "error_reason": ErrorReason.UNAVAILABLE}),
        (attempt_of, TaskAttempt, {"outcome": TaskState.FAILED, "error_reason": ErrorReason.WORKER_LOST}),
        (entry_of, LedgerEntry, {"kind": LedgerKind.REFUND}),
    ],
    ids=["task", "attempt", "entry"],
)
def test_names_become_members(read: Callable[[Mapping[str, Any]], Any], kind: type, columns: Mapping[str, Any]) -> None:
    found = read({**dict.fromkeys(_names(kind)), **{name: member.value for name, member in columns.items()}})
    assert all(getattr(found, name) is member for name, member in columns.items())


def test_a_model_does_not_change() -> None:
    task = task_of({**dict.fromkeys(_names(Task)), "state": "QUEUED", "create_time": datetime.now(UTC)})
    with pytest.raises(FrozenInstanceError):
        task.state = TaskState.RUNNING
    assert not hasattr(task, "__dict__")


def _names(kind: type) -> list[str]:
    # What a transition or a creation returns besides is in no column of the task, and not compared.
    return [field.name for field in fields(kind) if field.compare]
