"""Turns rows into the dataclasses of the model. Every transition does so, so it costs no more than their constructors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields, make_dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Any, TypeVar

from darkroom.internal.tasks.v1 import stored_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.trace import Origin
from services.tasks.model import AccountPolicy, Batch, LedgerEntry, LedgerKind, Task, TaskAttempt, TaskEvent, WebhookDelivery
from services.tasks.model.away_worker import AwayWorker
from services.tasks.model.pipeline import SavedPipeline
from services.tasks.model.records import OutgoingEvent, Refusal
from services.tasks.model.state import DeliveryState, TaskState

Model = TypeVar("Model")
Row = Mapping[str, Any]


def _reader(
    model: type[Model], empty: Mapping[str, Any] | None = None, optional: Sequence[str] = (), **enumerations: type[StrEnum]
) -> Callable[[Row], Model]:
    """A function that builds a model from the columns with the names of its fields; a row may have more columns. `enumerations` are the
    fields whose
    columns hold values of an enumeration, or NULL; `empty` maps fields to what NULL means for them; `optional` come after the model's
    other fields, and a row either has or lacks them together. Neither they nor what no row has are compared."""
    names = [field.name for field in fields(model) if field.compare]  # type: ignore[arg-type]  # it is a dataclass
    columns = itemgetter(*names)
    members = [(names.index(name), {None: None, **{each.value: each for each in kind}}) for name, kind in enumerations.items()]
    replaced = [(names.index(name), value) for name, value in (empty or {}).items()]
    build = _maker(model)

    def read(row: Row) -> Model:
        values = list(columns(row))
        for position, by_value in members:
            values[position] = by_value[values[position]]
        for position, value in replaced:
            if values[position] is None:
                values[position] = value
        if optional and row.get(optional[0]) is not None:
            values += [row[name] for name in optional]
        return build(*values)

    return read


def _maker(model: type[Model]) -> Callable[..., Model]:
    """A constructor of a frozen dataclass with slots that takes an eighth of the time: it sets the fields before the instance is one of the
    frozen class."""
    named = fields(model)  # type: ignore[arg-type]  # it is a dataclass
    like = [(each.name, Any, field(default=each.default, default_factory=each.default_factory)) for each in named]
    unfrozen: Callable[..., Any] = make_dataclass(f"Unfrozen{model.__name__}", like, slots=True)

    def make(*values: object, **named: object) -> Model:
        made = unfrozen(*values, **named)
        made.__class__ = model
        return made  # type: ignore[no-any-return]

    return make


make_task = _maker(Task)
task_of = _reader(
    Task,
    {"surface": "", "client_request": b"", "later_inputs": (), "operation_bytes": (), "destination": "", "deliveries": ()},
    ("outbox_id", "outbox_events"),
    state=TaskState,
    error_reason=ErrorReason,
)
event_of = _reader(TaskEvent, state=TaskState, error_reason=ErrorReason)
attempt_of = _reader(TaskAttempt, outcome=TaskState, error_reason=ErrorReason)
batch_of = _reader(Batch)
entry_of = _reader(LedgerEntry, kind=LedgerKind)
policy_of = _reader(AccountPolicy)
pipeline_of = _reader(SavedPipeline)
away_worker_of = _reader(AwayWorker)
delivery_of = _reader(WebhookDelivery, state=DeliveryState)


def first(read: Callable[[Row], Model], rows: Sequence[Row]) -> Model | None:
    """The first of some rows; None if there is none."""
    return read(rows[0]) if rows else None


def outgoing_of(row: Row) -> OutgoingEvent:
    """A row of TAKE_EVENTS."""
    trace_parent = Origin.parse(row["trace_id"]).trace_parent
    return OutgoingEvent(event_of(row), row["account_id"], row["output_file_ids"], trace_parent, row["outbox_id"], row["outbox_events"])


def refusal_bytes(refusal: Refusal) -> bytes:
    """A refused item as a batch stores it."""
    error = refusal.error
    return stored_pb2.StoredRefusal(
        index=refusal.index,
        reason=error.reason.number,
        message=error.message,
        field=error.field or "",
        allowed=error.allowed,
        metadata=error.metadata,
    ).SerializeToString()


def refusal_of(stored: bytes) -> Refusal:
    """The inverse of `refusal_bytes`."""
    item = stored_pb2.StoredRefusal.FromString(stored)
    reason = ErrorReason.from_number(item.reason)
    error = DarkroomError(reason, item.message, field=item.field or None, allowed=item.allowed, metadata=dict(item.metadata))
    return Refusal(item.index, error)
