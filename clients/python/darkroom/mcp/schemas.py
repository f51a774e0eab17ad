"""Parameters of operations as JSON Schema, and arguments as messages.

Names of enum values are short, as in `darkroom.operations`: `portrait` for SUBJECT_PORTRAIT. A parameter that names a file by id is called
after the file, and takes whatever names one: `background_picture` for `background_file_id`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from darkroom.field_rules import constraints, is_required, rules_of, values_of
from darkroom.operations.v1 import operation_pb2, options_pb2
from darkroom.operations.v1.comments import TEXTS

Schema = dict[str, Any]

_TYPES = {
    FieldDescriptor.CPPTYPE_BOOL: "boolean",
    FieldDescriptor.CPPTYPE_DOUBLE: "number",
    FieldDescriptor.CPPTYPE_FLOAT: "number",
    FieldDescriptor.CPPTYPE_INT32: "integer",
    FieldDescriptor.CPPTYPE_INT64: "integer",
    FieldDescriptor.CPPTYPE_UINT32: "integer",
    FieldDescriptor.CPPTYPE_UINT64: "integer",
    FieldDescriptor.CPPTYPE_STRING: "string",
}
_LONGEST = 200
"""Characters of a parameter's text in the list of tools, which models read in full before anything else."""
_UNSIGNED = (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
_FILES = {options_pb2.MEDIA_KIND_IMAGE: "picture", options_pb2.MEDIA_KIND_PDF: "document"}


def object_schema(properties: Mapping[str, Schema], required: list[str]) -> Schema:
    """An object with these properties and no others."""
    schema: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return schema | ({"required": required} if required else {})


def parameters_schema(message: Descriptor) -> Schema:
    """The parameters of an operation, or the fields of a message within one."""
    fields = list(message.fields)
    return object_schema(
        {name_of(field): _described(field) for field in fields}, [name_of(field) for field in fields if _must_be_given(field)]
    )


def _must_be_given(field: FieldDescriptor) -> bool:
    """Whether a parameter is required: also a text that may not be empty, since absence means that."""
    return is_required(field) or (not field.has_presence and rules_of(field).string.min_len > 0)


def name_of(field: FieldDescriptor) -> str:
    """The name of a parameter."""
    kind = names_file(field)
    return f"{field.name.removesuffix('_file_id')}_{_FILES[kind]}" if kind else field.name


def names_file(field: FieldDescriptor) -> options_pb2.MediaKind.ValueType:
    """The kind of file that a parameter names; falsy if it names none."""
    kind: options_pb2.MediaKind.ValueType = field.GetOptions().Extensions[options_pb2.auxiliary_input]
    return kind


def files_in(message: Descriptor, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The parameters that name files, each with what names it."""
    for field in message.fields:
        if names_file(field) and arguments.get(name_of(field)):
            yield name_of(field), arguments[name_of(field)]


def parameters_of(operation: str) -> Descriptor:
    """The message with the parameters of an operation."""
    return _message(operation_pb2.Operation.DESCRIPTOR.fields_by_name[operation])


def operation_of(name: str, arguments: Mapping[str, Any], file_ids: Mapping[str, int]) -> operation_pb2.Operation:
    """The operation with valid arguments. `file_ids` has the files of the parameters that name some."""
    operation = operation_pb2.Operation()
    message: Message = getattr(operation, name)
    message.SetInParent()
    ParseDict(_json(message.DESCRIPTOR, {**arguments, **file_ids}), message)
    return operation


def _json(message: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the JSON of their message."""
    fields = {name_of(field): field for field in message.fields}
    return {fields[name].name: _json_value(fields[name], value) for name, value in arguments.items()}


def _json_value(field: FieldDescriptor, value: Any) -> Any:
    if isinstance(value, list):
        return [_json_value(field, each) for each in value]
    if field.enum_type is not None:
        return _prefix(field.enum_type) + value.upper()
    return _json(_message(field), value) if field.message_type is not None else value


def _message(field: FieldDescriptor) -> Descriptor:
    message = field.message_type
    assert message is not None, field.full_name
    return message


def _described(field: FieldDescriptor) -> Schema:
    rules = rules_of(field)
    if field.is_repeated:
        schema: Schema = {"type": "array", "items": _value(field) | _limits(field, constraints(rules.repeated.items))}
        schema |= constraints(rules)
    else:
        schema = _value(field) | _limits(field, constraints(rules))
    return schema | ({"description": text} if (text := shortened(field_text(field), _LONGEST)) else {})


def _value(field: FieldDescriptor) -> Schema:
    if field.message_type is not None:
        return parameters_schema(field.message_type)
    if field.enum_type is not None:
        return {"type": "string", "enum": list(_words(field).values())}
    if names_file(field):
        return {"type": "string"}
    return {"type": _TYPES[field.cpp_type]} | ({"minimum": 0} if field.cpp_type in _UNSIGNED else {})


def _limits(field: FieldDescriptor, found: Schema) -> Schema:
    """The limits, without a value that only means absence."""
    if "enum" in found and not field.has_presence:
        found["enum"] = [value for value in found["enum"] if value]
    return found


def field_text(field: FieldDescriptor) -> str:
    """All that there is to say of a parameter: its meaning, and that of its values."""
    words = [TEXTS.get(field.full_name, "")]
    if field.enum_type is not None:
        texts = {word: TEXTS.get(f"{field.enum_type.full_name}.{name}", "") for name, word in _words(field).items()}
        words += [f"{word}: {text}" for word, text in texts.items() if text]
    return " ".join(words).strip()


def shortened(text: str, longest: int) -> str:
    """The first sentences, as many as fit, and one at least."""
    kept = ""
    for sentence in re.split(r"(?<=\.) (?=[A-Z`])", text):
        if kept and len(kept) + len(sentence) >= longest:
            break
        kept = f"{kept} {sentence}".strip()
    # A list follows the colon.
    return f"{kept[:-1]}." if kept.endswith(":") else kept


def _words(field: FieldDescriptor) -> dict[str, str]:
    """The short names of the values of a field with an enum, by their full names; without the one that means absence."""
    return {value.name: value.name.removeprefix(_prefix(value.type)).lower() for value in values_of(field)}


def _prefix(enum: EnumDescriptor) -> str:
    return str(enum.values[0].name.removesuffix("UNSPECIFIED"))
