"""Files that operations need beside the inputs of a task: which ones a request names, and whether they will do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from darkroom.files.v1 import file_pb2
from darkroom.operations.v1 import operation_pb2
from services.common.operations import AuxiliaryInput, auxiliary_inputs, spec_of
from services.tasks.domain.creation.media import MediaLimits, check_format, check_megapixels

FieldOf = Callable[[int, operation_pb2.Operation, AuxiliaryInput], str]
"""What a request calls a file that an operation names, by the operation's position and the operation."""


@dataclass(frozen=True, slots=True)
class NamedFile:
    """An auxiliary input, and the field of the request to blame for it."""

    input: AuxiliaryInput
    field: str


def native_field(position: int, operation: operation_pb2.Operation, auxiliary: AuxiliaryInput) -> str:
    """As a request names it that holds the operations themselves."""
    return f"operations[{position}].{spec_of(operation).name}.{auxiliary.field}"


def named_files(operations: Sequence[operation_pb2.Operation], field_of: FieldOf = native_field) -> list[NamedFile]:
    """The auxiliary inputs of all operations, in order."""
    return [
        NamedFile(each, field_of(position, operation, each))
        for position, operation in enumerate(operations)
        for each in auxiliary_inputs(operation)
    ]


def check_auxiliary(
    named: Sequence[NamedFile], files: Sequence[file_pb2.File], limits: MediaLimits, formats: Collection[str] | None
) -> None:
    """Refuse files, one of each that is named, that are not of the kind or larger than is read; `formats` as in `check_media`.

    Raises MEDIA_UNSUPPORTED and MEDIA_LIMIT_EXCEEDED.
    """
    for each, file in zip(named, files, strict=True):
        check_format(file, each.field, each.input.kind, formats)
        if file.HasField("image"):
            check_megapixels(file, each.field, limits)
