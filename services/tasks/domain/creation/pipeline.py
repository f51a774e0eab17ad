"""What a list of operations amounts to: whether they fit together, where they run, and how many files they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from darkroom.operations.v1 import operation_pb2, options_pb2
from services.common.errors import DarkroomError, ErrorReason
from services.common.operations import Arity, OperationSpec, parameters_of, spec_of

_NOTHING = options_pb2.MEDIA_KIND_UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Flow:
    """How many files or media pass through one operation of a task."""

    taken: int
    made: int


def check_pipeline(operations: Sequence[operation_pb2.Operation], inputs: int, *, diagnostics: bool) -> None:
    """Refuse operations that are not allowed here or do not take what the one before gives, and too few or needless inputs.

    Raises OPERATION_UNAVAILABLE and FIELD_INVALID.
    """
    specs = [spec_of(operation) for operation in operations]
    for index, spec in enumerate(specs):
        if spec.diagnostic and not diagnostics:
            raise DarkroomError(
                ErrorReason.OPERATION_UNAVAILABLE,
                f"operations[{index}]: {spec.name} is for diagnosis; the operator allows it by setting DARKROOM_DIAGNOSTICS=true.",
                field=f"operations[{index}]",
            )
    for index, (before, spec) in enumerate(pairwise(specs), start=1):
        if spec.accepts != before.produces:
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"operations[{index}]: {spec.name} takes {_name(spec.accepts)}, but {before.name} gives {_name(before.produces)}.",
                field=f"operations[{index}]",
            )
        if before.is_dry_run(parameters_of(operations[index - 1])):
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"operations[{index}]: a dry run of {before.name} gives no file to go on with, so it must be the last operation.",
                field=f"operations[{index}]",
            )
        if spec.max_references:
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"operations[{index}]: {spec.name} takes its references from the task's files, so it must be the first operation.",
                field=f"operations[{index}]",
            )
    _check_inputs(specs[0], inputs)


def lane_of(operations: Sequence[operation_pb2.Operation]) -> str:
    """The queue that the task waits in: that of its first operation, since a pipeline stays with the worker that begins it."""
    return spec_of(operations[0]).lane


def flows_of(operations: Sequence[operation_pb2.Operation], inputs: int) -> list[Flow]:
    """What each operation takes and makes, in order, if the delivery is complete."""
    flows, taken = [], inputs
    for operation in operations:
        spec = spec_of(operation)
        made = {Arity.ALL: 1, Arity.REFERENCES: spec.count(parameters_of(operation))}.get(spec.arity, taken)
        flows.append(Flow(taken, made if spec.produces != _NOTHING else 0))
        taken = made
    return flows


def outputs_of(operations: Sequence[operation_pb2.Operation], inputs: int) -> int:
    """How many files a complete delivery has."""
    return flows_of(operations, inputs)[-1].made


def _check_inputs(first: OperationSpec, inputs: int) -> None:
    if first.max_references:
        if inputs > first.max_references:
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"input_file_ids: {first.name} takes at most {first.max_references} references.",
                field="input_file_ids",
            )
        return
    if first.accepts != _NOTHING and inputs == 0:
        raise DarkroomError(
            ErrorReason.FIELD_INVALID, f"input_file_ids: {first.name} needs {_name(first.accepts)}.", field="input_file_ids"
        )
    if first.accepts == _NOTHING and inputs > 0:
        raise DarkroomError(
            ErrorReason.FIELD_INVALID, f"input_file_ids: {first.name} takes no files; leave it empty.", field="input_file_ids"
        )


def _name(kind: options_pb2.MediaKind.ValueType) -> str:
    if kind == _NOTHING:
        return "no file"
    return {
        options_pb2.MEDIA_KIND_IMAGE: "an image",
        options_pb2.MEDIA_KIND_PDF: "a PDF",
        options_pb2.MEDIA_KIND_ANY: "a file",
        options_pb2.MEDIA_KIND_ARCHIVE: "an archive",
    }[kind]
