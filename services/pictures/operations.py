"""The facts about each operation from the protos. Adding one to `darkroom.operations.v1.Operation` adds it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from darkroom.operations.v1 import operation_pb2, options_pb2

PLAIN_LANE = "picture"
"""The lane of plain picture operations. With others in one task they wait in theirs."""
INTERACTIVE_LANE = "interactive"
"""The lane of tasks of `PLAIN_LANE` that are short (`short_pictures`); no operation names it."""
LANES_BEFORE: Mapping[str, str] = MappingProxyType({INTERACTIVE_LANE: PLAIN_LANE, "pages": "neural"})
"""Lanes for a part of another lane's work, and that lane, where their tasks wait while no worker serves them."""

Role: TypeAlias = options_pb2.ParameterRole.ValueType

_ROLE_TYPES: Mapping[Role, int] = {
    options_pb2.PARAMETER_ROLE_COUNT: FieldDescriptor.TYPE_UINT32,
    options_pb2.PARAMETER_ROLE_ARCHIVE: FieldDescriptor.TYPE_BOOL,
    options_pb2.PARAMETER_ROLE_PROMPT: FieldDescriptor.TYPE_STRING,
    options_pb2.PARAMETER_ROLE_DRY_RUN: FieldDescriptor.TYPE_BOOL,
    options_pb2.PARAMETER_ROLE_TRIM: FieldDescriptor.TYPE_BOOL,
    options_pb2.PARAMETER_ROLE_FACTOR: FieldDescriptor.TYPE_UINT32,
    options_pb2.PARAMETER_ROLE_WIDTH: FieldDescriptor.TYPE_UINT32,
    options_pb2.PARAMETER_ROLE_HEIGHT: FieldDescriptor.TYPE_UINT32,
    options_pb2.PARAMETER_ROLE_LONGEST_SIDE: FieldDescriptor.TYPE_UINT32,
    options_pb2.PARAMETER_ROLE_RESIZE: FieldDescriptor.TYPE_MESSAGE,
}
_SIZE_ROLES = frozenset(
    (
        options_pb2.PARAMETER_ROLE_FACTOR,
        options_pb2.PARAMETER_ROLE_WIDTH,
        options_pb2.PARAMETER_ROLE_HEIGHT,
        options_pb2.PARAMETER_ROLE_LONGEST_SIDE,
        options_pb2.PARAMETER_ROLE_RESIZE,
    )
)


class Arity(Enum):
    """How many of a task's files an operation takes at a time when it is the task's first."""

    NONE = "none"
    """It takes no file."""
    EACH = "each"
    """One at a time; it makes one result from each."""
    REFERENCES = "references"
    """All together, up to a limit, possibly none; it makes as many results as its count says."""
    ALL = "all"
    """All together; it makes one result from them."""


@dataclass(frozen=True, slots=True)
class OperationSpec:
    """One operation, as described by the options of its message."""

    name: str
    """In snake case: the field in `Operation`, the module in services/inference/operations, the name in logs."""
    lane: str
    """The queue that its tasks wait in."""
    accepts: options_pb2.MediaKind.ValueType
    produces: options_pb2.MediaKind.ValueType
    diagnostic: bool
    """Refused unless the operator allows diagnostics."""
    arity: Arity
    reads_file: bool
    """It takes files unchanged, as sent or as written by the operation before."""
    max_references: int
    """How many files it takes together as references; 0 unless its arity is REFERENCES."""
    needs: str
    """The configuration that it needs, in words; empty if none."""
    message: Descriptor
    """Its parameters."""
    auxiliary: Mapping[str, options_pb2.MediaKind.ValueType]
    """The parameters that name a file it needs besides its input, and the kind that each must have."""
    roles: Mapping[Role, str]
    """The parameters that mean something beyond the operation."""
    size_change: options_pb2.SizeChange | None
    """How it changes the size of a picture, by a factor or to a size in pixels; None if it does not."""
    short_megapixels: float
    """Millions of pixels, before or after it, whichever are more, up to which it is short work; 0 if it never is."""
    may_add_alpha: bool
    """After it, a JPEG may have to become a PNG."""
    millicredits: int
    """Its list price, in thousandths of a credit."""
    price_basis: options_pb2.PriceBasis.ValueType
    """The subject of the list price."""
    credential_action: str
    """The action as which content credentials list it, without `c2pa.`; empty where it makes no picture."""
    by_frame: bool
    """It works on animations and videos, frame by frame."""
    parameter_needs: Mapping[str, str]
    """The parameters that need a configuration, and that in words."""

    def count(self, parameters: Message) -> int:
        """How many files it makes from all that it takes together."""
        return self.number(parameters, options_pb2.PARAMETER_ROLE_COUNT) or 1

    def archives(self, parameters: Message) -> bool:
        """Whether several results are also delivered together in one archive."""
        return bool(self._value(parameters, options_pb2.PARAMETER_ROLE_ARCHIVE))

    def prompt(self, parameters: Message) -> str:
        """The field that describes the wanted result in words; empty for an operation without a prompt."""
        return str(self._value(parameters, options_pb2.PARAMETER_ROLE_PROMPT) or "")

    def is_dry_run(self, parameters: Message) -> bool:
        """Whether it only reports what it would do, so that no operation can follow."""
        return bool(self._value(parameters, options_pb2.PARAMETER_ROLE_DRY_RUN))

    def trims(self, parameters: Message) -> bool:
        """Whether it crops the result to a size that is known only after processing."""
        return bool(self._value(parameters, options_pb2.PARAMETER_ROLE_TRIM))

    def number(self, parameters: Message, role: Role) -> int:
        """The parameter with a role whose type is a number; 0 where there is none."""
        return int(self._value(parameters, role) or 0)

    def _value(self, parameters: Message, role: Role) -> Any:
        return getattr(parameters, self.roles[role]) if role in self.roles else None


@dataclass(frozen=True, slots=True)
class AuxiliaryInput:
    """A file that an operation needs besides its input."""

    field: str
    """The parameter that names it."""
    file_id: int
    kind: options_pb2.MediaKind.ValueType
    """The kind that it must have."""


@cache
def specs() -> Mapping[str, OperationSpec]:
    """Every operation of this version, by name."""
    members = operation_pb2.Operation.DESCRIPTOR.oneofs_by_name["operation"].fields
    return MappingProxyType({field.name: _spec(field) for field in members})


def lanes() -> list[str]:
    """Every lane."""
    return sorted({INTERACTIVE_LANE, *(spec.lane for spec in specs().values())})


def spec_of(operation: operation_pb2.Operation) -> OperationSpec:
    """The operation that is set. Raises KeyError if none is, though validation has refused that before."""
    return specs()[operation.WhichOneof("operation") or ""]


def spec_of_parameters(parameters: Message) -> OperationSpec:
    """The operation whose parameters these are. Raises KeyError for another message."""
    return _specs_by_message()[parameters.DESCRIPTOR.full_name]


def parameters_of(operation: operation_pb2.Operation) -> Message:
    """The message that is set: the operation's parameters. Raises KeyError like `spec_of`."""
    parameters: Message = getattr(operation, spec_of(operation).name)
    return parameters


def auxiliary_inputs(operation: operation_pb2.Operation) -> list[AuxiliaryInput]:
    """The files that the operation's parameters name. Raises KeyError like `spec_of`."""
    parameters = parameters_of(operation)
    named = [AuxiliaryInput(field, getattr(parameters, field), kind) for field, kind in spec_of(operation).auxiliary.items()]
    return [each for each in named if each.file_id]


def parameter_offer(spec: OperationSpec, parameter: str) -> str:
    """The name under which workers offer a parameter that needs a configuration."""
    return f"{spec.name}-{parameter}"


@dataclass(frozen=True, slots=True)
class Need:
    """A configuration that something needs which was asked for."""

    subject: str
    """The operation, or the operation and its parameter."""
    text: str
    """The configuration, in words."""


def needs_of(operation: operation_pb2.Operation) -> Mapping[str, Need]:
    """The needs of an operation with its parameters, by the name of the offer that each depends on. Raises KeyError like `spec_of`."""
    spec, parameters = spec_of(operation), parameters_of(operation)
    own = {spec.name: Need(spec.name, spec.needs)} if spec.needs else {}
    asked = {name: text for name, text in spec.parameter_needs.items() if getattr(parameters, name)}
    return {**own, **{parameter_offer(spec, name): Need(f"{spec.name}.{name}", text) for name, text in asked.items()}}


@cache
def offers_known() -> frozenset[str]:
    """The names of all that workers may offer: operations and parameters that need a configuration."""
    operations = (name for name, spec in specs().items() if spec.needs)
    parameters = (parameter_offer(spec, name) for spec in specs().values() for name in spec.parameter_needs)
    return frozenset((*operations, *parameters))


@cache
def _specs_by_message() -> Mapping[str, OperationSpec]:
    return {spec.message.full_name: spec for spec in specs().values()}


def _spec(field: FieldDescriptor) -> OperationSpec:
    message = field.message_type
    assert message is not None
    options = message.GetOptions().Extensions[options_pb2.operation]
    if options.name != field.name or not options.lane:
        raise ValueError(
            f"{message.full_name} is the field {field.name} of Operation, but its options name {options.name!r} on lane {options.lane!r}"
        )
    arity, roles = _arity(message, options), _roles(message)
    if options.HasField("size_change") != (not _SIZE_ROLES.isdisjoint(roles)):
        raise ValueError(
            f"{message.full_name} has `size_change` without a parameter for the size, or such a parameter without `size_change`"
        )
    if not options.HasField("millicredits"):
        raise ValueError(f"{message.full_name} has no price: `millicredits`")
    if (options.produces == options_pb2.MEDIA_KIND_IMAGE) != bool(options.credential_action):
        raise ValueError(f"{message.full_name} makes pictures and has no `credential_action`, or has one and makes none")
    if options.by_frame and (arity is not Arity.EACH or options.reads_file or options.produces != options_pb2.MEDIA_KIND_IMAGE):
        raise ValueError(f"{message.full_name} works by frame, but does not make a picture of a picture")
    return OperationSpec(
        name=options.name,
        lane=options.lane,
        accepts=options.accepts,
        produces=options.produces,
        diagnostic=options.diagnostic,
        arity=arity,
        reads_file=options.reads_file,
        max_references=options.max_references,
        needs=options.needs,
        message=message,
        auxiliary=MappingProxyType(auxiliary_fields(message)),
        roles=MappingProxyType(roles),
        size_change=options.size_change if options.HasField("size_change") else None,
        short_megapixels=options.short_megapixels,
        may_add_alpha=options.may_add_alpha,
        millicredits=options.millicredits,
        price_basis=options.price_basis,
        credential_action=options.credential_action,
        by_frame=options.by_frame,
        parameter_needs=MappingProxyType(_parameter_needs(message)),
    )


def _arity(message: Descriptor, options: options_pb2.OperationOptions) -> Arity:
    if options.joins_inputs and options.max_references:
        raise ValueError(f"{message.full_name} has both `joins_inputs` and `max_references`")
    if options.joins_inputs:
        return Arity.ALL
    if options.max_references:
        return Arity.REFERENCES
    return Arity.NONE if options.accepts == options_pb2.MEDIA_KIND_UNSPECIFIED else Arity.EACH


def _parameter_needs(message: Descriptor) -> dict[str, str]:
    needs = {field.name: field.GetOptions().Extensions[options_pb2.parameter_needs] for field in message.fields}
    return {name: text for name, text in needs.items() if text}


def _roles(message: Descriptor) -> dict[Role, str]:
    roles: dict[Role, str] = {}
    for field in message.fields:
        role = field.GetOptions().Extensions[options_pb2.role]
        if role == options_pb2.PARAMETER_ROLE_UNSPECIFIED:
            continue
        if role in roles or field.type != _ROLE_TYPES[role]:
            raise ValueError(f"{field.full_name} has the role of another parameter, or not the type that its role has")
        roles[role] = field.name
    return roles


def auxiliary_fields(message: Descriptor) -> dict[str, options_pb2.MediaKind.ValueType]:
    """The fields of an operation's message that name a file, and the kind that each must have."""
    kinds = {field.name: field.GetOptions().Extensions[options_pb2.auxiliary_input] for field in message.fields}
    return {name: kind for name, kind in kinds.items() if kind != options_pb2.MEDIA_KIND_UNSPECIFIED}
