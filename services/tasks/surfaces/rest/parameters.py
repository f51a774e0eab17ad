"""The parameters of operations in replies."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct

from darkroom.operations.v1 import operation_pb2


def as_struct(operation: operation_pb2.Operation) -> Struct:
    """The JSON of an operation as the edge prints messages, with what is empty or 0, but without enums that are not set: their values
    are no names that a request may have."""
    printed = MessageToDict(operation, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    _drop_unset_enums(printed, operation.DESCRIPTOR)
    return ParseDict(printed, Struct())


def _drop_unset_enums(printed: dict[str, Any], message: Descriptor) -> None:
    for field in message.fields:
        if field.name not in printed:
            continue
        value = printed[field.name]
        if field.enum_type is not None and value == field.enum_type.values_by_number[0].name:
            del printed[field.name]
        elif field.message_type is not None:
            for inner in value if field.is_repeated else [value]:
                _drop_unset_enums(inner, field.message_type)
