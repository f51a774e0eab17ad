"""Plans a task's operations: whether they fit each other and their files, where they run, and how many files they make."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from google.protobuf.message import Message

from darkroom.operations.v1 import operation_pb2, options_pb2
from services.pictures.geometry import Size
from services.pictures.media_format import read_formats
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
from services.pictures.result_size import changes_size, resolve_percentages, result_size, size_of_any
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
    formats = [each for each in read_formats(options_pb2.MEDIA_KIND_IMAGE) if each.media_type == file.media_type]
    if file.image_size is None or not formats:
        return False
    parameters = [parameters_of(operation) for operation in operations]
    # Which of the two is the width depends on an orientation tag.
    return all(is_short(parameters, formats[0], size) for size in (file.image_size, file.image_size[::-1]))


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


FORMATS: Mapping[options_pb2.MediaKind.ValueType, Mapping[str, str]] = {
    kind: {extension: each.media_type for each in read_formats(kind) for extension in each.extensions}
    for kind in (options_pb2.MEDIA_KIND_IMAGE, options_pb2.MEDIA_KIND_PDF)
}
"""The formats that the workers read, by kind: a format's common name and its media type."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Sizes in millions of pixels."""

    megapixels: float
    """Limit of a picture that is read."""
    result_megapixels: float
    """Limit of a picture that is made."""


def check_media(
    files: Sequence[InputFile],
    fields: Sequence[str],
    operations: Sequence[operation_pb2.Operation],
    limits: MediaLimits,
    formats: Collection[str] | None,
    *,
    sizes: bool = True,
) -> None:
    """Refuse files that the operations cannot work on. `fields` names, for each file, the request field to blame.

    `formats`, if given, narrows the formats further, as some APIs do. Without `sizes`, those of results are left to the worker. Raises
    MEDIA_UNSUPPORTED, MEDIA_LIMIT_EXCEEDED and, for a size that an upscale cannot give, FIELD_INVALID.
    """
    if spec_of(operations[0]).accepts == options_pb2.MEDIA_KIND_ANY:
        return
    for file, field in zip(files, fields, strict=True):
        check_format(file, field, spec_of(operations[0]).accepts, formats)
        if file.image_size is not None:
            check_megapixels(file, file.image_size, field, limits)
            if sizes:
                _check_size(file, file.image_size, field, operations, limits)


def check_format(file: InputFile, field: str, kind: options_pb2.MediaKind.ValueType, formats: Collection[str] | None) -> None:
    """Raise MEDIA_UNSUPPORTED, blaming `field`, for a file that is not of this kind or, if `formats` are given, not in one of them."""
    known = FORMATS.get(kind, {})
    accepted = {name: known[name] for name in (known if formats is None else formats)}
    if file.media_type not in accepted.values():
        raise DarkroomError(
            ErrorReason.MEDIA_UNSUPPORTED,
            f"{field}: the file is {file.media_type}; accepted are {', '.join(accepted)}.",
            field=field,
            allowed=tuple(accepted),
            metadata={"file_id": str(file.id)},
        )


def check_megapixels(file: InputFile, size: tuple[int, int], field: str, limits: MediaLimits) -> None:
    """Raise MEDIA_LIMIT_EXCEEDED, blaming `field`, for a picture that is too large to be read."""
    megapixels = size[0] * size[1] / 1e6
    if megapixels > limits.megapixels:
        raise _too_large(file, size, field, f"it has {megapixels:.1f} megapixels", limits.megapixels)


def _check_size(
    file: InputFile, size: tuple[int, int], field: str, operations: Sequence[operation_pb2.Operation], limits: MediaLimits
) -> None:
    if spec_of(operations[0]).arity is not Arity.EACH:
        # A result of several files does not have their size. The workers check the results.
        return
    # Which of the two is the width depends on an orientation tag that only the worker reads, so the worker checks this too.
    sizes, trimmed = {each: each for each in (size, size[::-1])}, False
    for operation in operations:
        spec, parameters = spec_of(operation), parameters_of(operation)
        if not changes_size(parameters):
            trimmed = trimmed or spec.trims(parameters)
            continue
        if trimmed and not spec.number(parameters, options_pb2.PARAMETER_ROLE_FACTOR):
            sized = {original: size_of_any(resolve_percentages(parameters, original)) for original in sizes}
            sizes, trimmed = {original: each for original, each in sized.items() if each is not None}, False
            if not sizes:
                # Only the worker knows how much is cut off.
                return
        else:
            sizes = _enlarged(parameters, sizes, file, size, field)
        megapixels = min(width * height for width, height in sizes.values()) / 1e6
        if megapixels > limits.result_megapixels:
            raise _too_large(file, size, field, f"the result would have {megapixels:.1f} megapixels", limits.result_megapixels)


def _enlarged(parameters: Message, sizes: Mapping[Size, Size], file: InputFile, stored: Size, field: str) -> dict[Size, Size]:
    """The sizes after an operation, by that of the upright original."""
    enlarged: dict[Size, Size] = {}
    for original in sorted(sizes, key=lambda size: size != stored, reverse=True):
        try:
            enlarged[original] = result_size(resolve_percentages(parameters, original), *sizes[original])
        except DarkroomError as error:
            refused = error
    if not enlarged:
        raise DarkroomError(
            refused.reason, f"{field}: {refused.message}", field=field, allowed=refused.allowed, metadata={"file_id": str(file.id)}
        )
    return enlarged


def _too_large(file: InputFile, size: tuple[int, int], field: str, what: str, limit: float) -> DarkroomError:
    return DarkroomError(
        ErrorReason.MEDIA_LIMIT_EXCEEDED,
        f"{field}: {size[0]} × {size[1]} pixels: {what}, at most {limit:g} are allowed.",
        field=field,
        allowed=(f"at most {limit:g} megapixels",),
        metadata={"file_id": str(file.id)},
    )


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


def check_auxiliary(named: Sequence[NamedFile], files: Sequence[InputFile], limits: MediaLimits, formats: Collection[str] | None) -> None:
    """Refuse named files, one for each name, that are of the wrong kind or too large to be read; `formats` as in `check_media`.

    Raises MEDIA_UNSUPPORTED and MEDIA_LIMIT_EXCEEDED.
    """
    for each, file in zip(named, files, strict=True):
        check_format(file, each.field, each.input.kind, formats)
        if file.image_size is not None:
            check_megapixels(file, file.image_size, each.field, limits)
