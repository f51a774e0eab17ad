"""The fields of requests as JSON, in words: Envoy's transcoder names messages and enums only by their types, and does not
say which field got a list but may not have one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from services.platform.rpc import catalogue
from services.platform.rpc.path_templates import PathTemplate


@dataclass(frozen=True, slots=True)
class Shape:
    """How to describe a type's values to a client."""

    text: str
    """The type of one value, such as `an object`."""
    alone: str
    """The expected type outside a list: the same, or a list if the type occurs only in lists."""
    allowed_values: tuple[str, ...] = ()
    """All values, if they can be listed."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Which fields of requests are lists."""

    texts: dict[str, str]
    """The type of each, such as `a list of strings`, by its path, such as `items[].file_ids`."""
    of_paths: dict[str, tuple[str, ...]]
    """Names of the lists at the top level of a body, by the Lua pattern of the URL's path."""


def shapes() -> dict[str, Shape]:
    """Shapes by the full name of each message and enum that occurs in a request."""
    fields: dict[str, list[FieldDescriptor]] = defaultdict(list)
    for method in _json_methods():
        for name, field in _typed_fields(method.input_type):
            fields[name].append(field)
    return {name: _shape(found) for name, found in sorted(fields.items())}


def lists() -> Lists:
    """The lists of all requests. Raises ValueError if a path is a list in one request but not in another."""
    texts, others = {}, set()
    of_paths: dict[str, tuple[str, ...]] = {}
    for method in _json_methods():
        for path, field in _paths(method.input_type):
            if field.is_repeated:
                texts[path] = "a list of " + _ITEMS.get(field.cpp_type, "integers")
            else:
                others.add(path)
        names = tuple(field.name for field in method.input_type.fields if field.is_repeated)
        for binding in catalogue.bindings(method):
            # A body that is one field has the lists of that field alone.
            if binding.has_body and binding.body in ("", "*"):
                of_paths |= dict.fromkeys(PathTemplate(binding.template).lua, names)
    if mixed := texts.keys() & others:
        raise ValueError(f"{', '.join(sorted(mixed))}: a list in some requests and not in others")
    return Lists(dict(sorted(texts.items())), dict(sorted(of_paths.items())))


_ITEMS = {
    FieldDescriptor.CPPTYPE_STRING: "strings",
    FieldDescriptor.CPPTYPE_MESSAGE: "objects",
    FieldDescriptor.CPPTYPE_ENUM: "names",
    FieldDescriptor.CPPTYPE_DOUBLE: "numbers",
    FieldDescriptor.CPPTYPE_FLOAT: "numbers",
}


def _json_methods() -> Iterator[MethodDescriptor]:
    for service in catalogue.called_services():
        yield from (method for method in service.methods if catalogue.bindings(method))


def _paths(message: Descriptor, before: str = "", seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, FieldDescriptor]]:
    """The path of every field of a message and of its nested messages, with the field."""
    for field in message.fields:
        path = before + field.name
        yield path, field
        if field.message_type is not None and field.message_type.full_name not in seen:
            yield from _paths(field.message_type, f"{path}[]." if field.is_repeated else f"{path}.", seen | {message.full_name})


def _shape(fields: list[FieldDescriptor]) -> Shape:
    enum, message = fields[0].enum_type, fields[0].message_type
    if enum is not None:
        values = tuple(value.name for value in enum.values if value.number)
        return Shape(f"one of {', '.join(values)}", f"one of {', '.join(values)}", values)
    if message is not None and message.full_name == Timestamp.DESCRIPTOR.full_name:
        text = "a time with a time zone, such as 2030-01-31T12:00:00Z"
        return Shape(text, text)
    return Shape("an object", "a list of objects" if all(field.is_repeated for field in fields) else "an object")


def _typed_fields(message: Descriptor, seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, FieldDescriptor]]:
    """The type name of every field whose type has one, with the field."""
    for field in message.fields:
        if field.enum_type is not None:
            yield field.enum_type.full_name, field
        elif field.message_type is not None and field.message_type.full_name not in seen:
            yield field.message_type.full_name, field
            yield from _typed_fields(field.message_type, seen | {message.full_name})
