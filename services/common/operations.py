"""What the protos say about each operation. Adding one to `darkroom.operations.v1.Operation` adds it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from darkroom.operations.v1 import operation_pb2, options_pb2


@dataclass(frozen=True, slots=True)
class OperationSpec:
    """One operation, by the options of its message."""

    name: str
    """In snake case: the field in `Operation`, the module in services/inference/operations, the word in logs."""
    lane: str
    """The queue that its tasks wait in."""
    accepts: options_pb2.MediaKind.ValueType
    produces: options_pb2.MediaKind.ValueType
    diagnostic: bool
    """Refused unless the operator allows diagnostics."""
    max_references: int
    """How many files it takes together as references, making as many as its `count` says; 0: it makes one of each that it takes."""
    needs: str
    """What must be configured for it, in words; empty: nothing."""
    joins_inputs: bool
    """It makes one file of all inputs, not one of each."""
    message: Descriptor
    """Its parameters."""
    auxiliary: Mapping[str, options_pb2.MediaKind.ValueType]
    """The parameters that name a file which it needs beside what it works on, and the kind that each has to be of."""


@dataclass(frozen=True, slots=True)
class AuxiliaryInput:
    """A file that an operation needs beside what it works on."""

    field: str
    """The parameter that names it."""
    file_id: int
    kind: options_pb2.MediaKind.ValueType
    """What it has to be."""


@cache
def specs() -> Mapping[str, OperationSpec]:
    """Every operation of this version, by name."""
    members = operation_pb2.Operation.DESCRIPTOR.oneofs_by_name["operation"].fields
    return MappingProxyType({field.name: _spec(field) for field in members})


def spec_of(operation: operation_pb2.Operation) -> OperationSpec:
    """The operation that is set. Raises KeyError if none is, which validation has refused before."""
    return specs()[operation.WhichOneof("operation") or ""]


def parameters_of(operation: operation_pb2.Operation) -> Message:
    """The message that is set: the operation's parameters. Raises KeyError as `spec_of`."""
    parameters: Message = getattr(operation, spec_of(operation).name)
    return parameters


def auxiliary_inputs(operation: operation_pb2.Operation) -> list[AuxiliaryInput]:
    """The files that the operation's parameters name. Raises KeyError as `spec_of`."""
    parameters = parameters_of(operation)
    named = [AuxiliaryInput(field, getattr(parameters, field), kind) for field, kind in spec_of(operation).auxiliary.items()]
    return [each for each in named if each.file_id]


def _spec(field: FieldDescriptor) -> OperationSpec:
    message = field.message_type
    assert message is not None
    options = message.GetOptions().Extensions[options_pb2.operation]
    if options.name != field.name or not options.lane:
        raise ValueError(
            f"{message.full_name} is the field {field.name} of Operation, but its options name {options.name!r} on lane {options.lane!r}"
        )
    return OperationSpec(
        name=options.name,
        lane=options.lane,
        accepts=options.accepts,
        produces=options.produces,
        diagnostic=options.diagnostic,
        max_references=options.max_references,
        needs=options.needs,
        joins_inputs=options.joins_inputs,
        message=message,
        auxiliary=MappingProxyType(auxiliary_fields(message)),
    )


def auxiliary_fields(message: Descriptor) -> dict[str, options_pb2.MediaKind.ValueType]:
    """The fields of an operation's message that name a file, and the kind that each has to be of."""
    kinds = {field.name: field.GetOptions().Extensions[options_pb2.auxiliary_input] for field in message.fields}
    return {name: kind for name, kind in kinds.items() if kind != options_pb2.MEDIA_KIND_UNSPECIFIED}
