"""Plans a task's operations: whether they fit each other, where they run, and how many files they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from darkroom.operations.v1 import operation_pb2, options_pb2
from services.pictures.geometry import Size
from services.pictures.media_format import format_of
from services.pictures.moving import works_by_frame
from services.pictures.operations import (
    INTERACTIVE_LANE,
    LANES_BEFORE,
    PLAIN_LANE,
    Arity,
    AuxiliaryInput,
    OperationSpec,
    auxiliary_inputs,
    parameters_of,
    spec_of,
)
from services.pictures.short_pictures import is_short
from services.platform.errors import DarkroomError, ErrorReason
from services.tasks.model import Task
from services.tasks.model.media import InputFile

_NOTHING = options_pb2.MEDIA_KIND_UNSPECIFIED


@dataclass(frozen=True, slots=True)
class Flow:
    """How many files or media pass through one operation of a task."""

    inputs: int
    outputs: int


def check_pipeline(operations: Sequence[operation_pb2.Operation], inputs: int, *, diagnostics: bool) -> None:
    """Refuse operations that are not allowed here or do not accept the previous one's result, and too few or too many inputs.

    Raises OPERATION_UNAVAILABLE and FIELD_INVALID.
    """
    check_order(operations, diagnostics=diagnostics)
    _check_inputs(spec_of(operations[0]), inputs)


def check_order(operations: Sequence[operation_pb2.Operation], *, diagnostics: bool) -> None:
    """Refuse operations that are not allowed here or do not accept the previous one's result, whatever files they get.

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
                f"operations[{index}]: a dry run of {before.name} produces no file, so it must be the last operation.",
                field=f"operations[{index}]",
            )
        if spec.arity is Arity.ALL:
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"operations[{index}]: {spec.name} takes all of the task's files together, so it must be the first operation.",
                field=f"operations[{index}]",
            )
        if spec.max_references:
            raise DarkroomError(
                ErrorReason.FIELD_INVALID,
                f"operations[{index}]: {spec.name} takes its references from the task's files, so it must be the first operation.",
                field=f"operations[{index}]",
            )


def operations_of(task: Task) -> list[operation_pb2.Operation]:
    """The operations of a task, in order."""
    return [operation_pb2.Operation.FromString(operation) for operation in task.operations]


def lane_of(operations: Sequence[operation_pb2.Operation], inputs: Sequence[InputFile]) -> str:
    """The queue that the task waits in, since one worker runs the whole pipeline: that of the first operation that is not plain; if all
    are, `interactive` for short work on the one input.

    `inputs` are those that are known. A batch of several tasks, for which nobody waits, names none.
    """
    lanes = [spec_of(operation).lane for operation in operations]
    lane = next((lane for lane in lanes if lane != PLAIN_LANE), PLAIN_LANE)
    return INTERACTIVE_LANE if lane == PLAIN_LANE and len(inputs) == 1 and _is_short(operations, inputs[0]) else lane


def lanes_of(operations: Sequence[operation_pb2.Operation]) -> list[str]:
    """Every queue that a task with these operations may wait in."""
    lane = lane_of(operations, ())
    return [lane, INTERACTIVE_LANE] if lane == PLAIN_LANE else [lane, *([LANES_BEFORE[lane]] if lane in LANES_BEFORE else [])]


def _is_short(operations: Sequence[operation_pb2.Operation], file: InputFile) -> bool:
    format_ = format_of(file.media_type)
    if file.image_size is None or format_ is None or works_on_frames(operations, file):
        return False
    parameters = [parameters_of(operation) for operation in operations]
    # Which of the two is the width depends on an orientation tag.
    return all(is_short(parameters, format_, size) for size in (file.image_size, file.image_size[::-1]))


def works_on_frames(operations: Sequence[operation_pb2.Operation], file: InputFile) -> bool:
    """Whether the operations work on all frames of a file, an animation or a video, and not on its first picture."""
    format_ = format_of(file.media_type)
    return format_ is not None and works_by_frame([parameters_of(each) for each in operations], format_, file.frames)


def frames_of(operations: Sequence[operation_pb2.Operation], file: InputFile) -> int:
    """How many pictures of a file the operations work on, as far as it is known: its frames, or 1."""
    return file.frames or 1 if works_on_frames(operations, file) else 1


def flows_of(operations: Sequence[operation_pb2.Operation], inputs: int) -> list[Flow]:
    """The inputs and outputs of each operation, in order, for a complete delivery."""
    flows, taken = [], inputs
    for operation in operations:
        spec = spec_of(operation)
        made = {Arity.ALL: 1, Arity.REFERENCES: spec.count(parameters_of(operation))}.get(spec.arity, taken)
        flows.append(Flow(taken, made if spec.produces != _NOTHING else 0))
        taken = made
    return flows


def outputs_of(operations: Sequence[operation_pb2.Operation], inputs: int) -> int:
    """How many files a complete delivery contains."""
    return flows_of(operations, inputs)[-1].outputs


def planned_files(operations: Sequence[operation_pb2.Operation], count: int, pages: int, size: Size | None = None) -> list[InputFile]:
    """Inputs that are not uploaded yet: the given number of files of the kind that the first operation takes; documents have the given
    number of pages each, and pictures the given size."""
    document = spec_of(operations[0]).accepts == options_pb2.MEDIA_KIND_PDF
    return [InputFile(pages=pages if document else None, image_size=None if document else size)] * count


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
        options_pb2.MEDIA_KIND_DATA: "data",
    }[kind]


FieldOf = Callable[[int, operation_pb2.Operation, AuxiliaryInput], str]
"""The request's name for a file that an operation names, from the operation's position and the operation."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """An auxiliary input, and the field of the request to blame for it."""

    input: AuxiliaryInput
    field: str


def native_field(position: int, operation: operation_pb2.Operation, auxiliary: AuxiliaryInput) -> str:
    """The field's name in a request that holds the operations themselves."""
    return f"operations[{position}].{spec_of(operation).name}.{auxiliary.field}"


def named_files(operations: Sequence[operation_pb2.Operation], field_of: FieldOf = native_field) -> list[NamedFile]:
    """The auxiliary inputs of all operations, in order."""
    return [
        NamedFile(each, field_of(position, operation, each))
        for position, operation in enumerate(operations)
        for each in auxiliary_inputs(operation)
    ]
