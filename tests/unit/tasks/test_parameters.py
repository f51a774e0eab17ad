"""The parameters of operations in replies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.json_format import MessageToDict, MessageToJson, ParseDict
from google.protobuf.message import Message

from darkroom.operations.v1 import operation_pb2
from services.platform.rpc import catalogue
from services.tasks.surfaces.rest.parameters import as_struct

_OPERATIONS = [field.name for field in operation_pb2.Operation.DESCRIPTOR.fields]


def _with_all_messages(message: Message) -> None:
    """Sets every message inside, one in each list, and nothing else."""
    for field in message.DESCRIPTOR.fields:
        if field.message_type is not None and field.containing_oneof is None:
            inside = getattr(message, field.name)
            _with_all_messages(inside.add() if field.is_repeated else inside)
            if not field.is_repeated:
                inside.SetInParent()


def _without_unspecified(printed: Any) -> Any:
    match printed:
        case dict():
            return {name: _without_unspecified(each) for name, each in printed.items() if not str(each).endswith("_UNSPECIFIED")}
        case list():
            return [_without_unspecified(each) for each in printed]
    return printed


@pytest.mark.parametrize("name", _OPERATIONS)
def test_enums_that_are_not_set_are_not_shown(name: str) -> None:
    operation = operation_pb2.Operation()
    parameters = getattr(operation, name)
    parameters.SetInParent()
    _with_all_messages(parameters)
    shown = MessageToDict(as_struct(operation))
    assert "UNSPECIFIED" not in str(shown)
    printed = MessageToDict(operation, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    assert shown == _without_unspecified(printed)
    assert ParseDict(shown, operation_pb2.Operation()) == operation


@pytest.mark.parametrize("name", _OPERATIONS)
def test_enums_that_are_set_are_shown(name: str) -> None:
    operation = operation_pb2.Operation()
    parameters = getattr(operation, name)
    parameters.SetInParent()
    for field in parameters.DESCRIPTOR.fields:
        if field.enum_type is not None and not field.is_repeated:
            setattr(parameters, field.name, field.enum_type.values[1].number)
    shown = MessageToDict(as_struct(operation))
    assert MessageToJson(ParseDict(shown, operation_pb2.Operation())) == MessageToJson(operation)


def _always_printed_enums(message: Descriptor, above: frozenset[str] = frozenset()) -> Iterator[str]:
    for field in message.fields:
        if field.enum_type is not None and not field.has_presence and not field.is_repeated:
            yield field.full_name
        if field.message_type is not None and field.message_type.full_name not in above:
            yield from _always_printed_enums(field.message_type, above | {message.full_name})


def test_no_reply_has_enums_that_the_edge_prints_although_they_are_not_set() -> None:
    for service in catalogue.public_services():
        for method in service.methods:
            if any(True for _ in catalogue.bindings(method)):
                assert list(_always_printed_enums(method.output_type)) == [], method.full_name
