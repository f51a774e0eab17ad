"""Messages as JSON Schema, exactly as Envoy's transcoder reads and writes them."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable, Container, Iterator
from types import ModuleType
from typing import Any

from buf.validate import validate_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, FileDescriptor
from pydantic import TypeAdapter

from darkroom.common.v1 import options_pb2
from darkroom.field_rules import constraints, is_required, rules_of
from reference.comments import Comments
from services.platform.rpc import catalogue

_REFERENCES = "#/components/schemas/{model}"


def schemas_of(file: FileDescriptor, name: str) -> dict[str, dict[str, Any]]:
    """The schema of a class, and those that it refers to, by name. The class is in the module `models` of the surface that the
    package of the file belongs to, in a service that answers for it. Raises LookupError without such a class."""
    for module in _modules(file):
        if hasattr(module, name):
            schema = TypeAdapter(getattr(module, name)).json_schema(ref_template=_REFERENCES)
            inner: dict[str, dict[str, Any]] = schema.pop("$defs", {})
            return {**inner, name: schema}
    raise LookupError(f"{file.name}: no module `models` of its surface has {name}")


def _modules(file: FileDescriptor) -> Iterator[ModuleType]:
    services = [service for service in catalogue.public_services() if service.file.package == file.package]
    folders = {(catalogue.served_by(service), service.GetOptions().Extensions[options_pb2.surface]): None for service in services}
    for answering, surface in folders:
        package = f"services.{answering}.surfaces.{surface}"
        if importlib.util.find_spec(package) is not None and importlib.util.find_spec(f"{package}.models") is not None:
            yield importlib.import_module(f"{package}.models")


Schema = dict[str, Any]

FILE: Schema = {"type": "string", "contentMediaType": "application/octet-stream"}
"""The bytes of a file."""
_LONG_INTEGERS = frozenset(getattr(FieldDescriptor, f"TYPE_{name}") for name in ("INT64", "UINT64", "SINT64", "FIXED64", "SFIXED64"))
_SCALARS: dict[int, Schema] = {
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_UINT32: {"type": "integer", "format": "int32", "minimum": 0},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    **{long: {"type": "integer", "format": "int64"} for long in _LONG_INTEGERS},
}
# https://protobuf.dev/programming-guides/json/
_WELL_KNOWN: dict[str, Callable[[], Schema]] = {
    "google.protobuf.Timestamp": lambda: {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": lambda: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.Struct": lambda: {"type": "object", "additionalProperties": True},
    "google.protobuf.Value": dict,
    "google.protobuf.ListValue": lambda: {"type": "array", "items": {}},
    "google.protobuf.Empty": lambda: {"type": "object"},
}


class Schemas:
    """Collects the schemas of referenced messages. A message belongs to requests or to replies: their 64-bit integers differ."""

    def __init__(self, comments: Comments, *, camel_case: bool = False) -> None:
        self._comments, self._camel_case = comments, camel_case
        self._found: dict[str, Schema] = {}
        self._sources: dict[str, tuple[str, bool]] = {}

    @property
    def components(self) -> dict[str, Schema]:
        """The referenced schemas by name, sorted."""
        return dict(sorted(self._found.items()))

    def reference(self, message: Descriptor, *, reply: bool) -> Schema:
        """A reference to the message's schema. Raises ValueError when two messages would share a name, or a message would need two
        shapes."""
        source = (message.full_name, reply)
        known = self._sources.setdefault(message.name, source)
        if known[0] != source[0]:
            raise ValueError(f"{known[0]} and {source[0]} would both be called {message.name}")
        if known[1] != reply and any(field.type in _LONG_INTEGERS or field.is_repeated for field in message.fields):
            raise ValueError(f"{message.full_name} is sent both ways, and its 64-bit integers or lists print otherwise than they are read")
        if message.name not in self._found:
            self._found[message.name] = {}  # Registered before its fields, which may refer back to it.
            self._found[message.name] = self.object(message, reply=reply)
        return {"$ref": f"#/components/schemas/{message.name}"}

    def reply(self, message: Descriptor) -> Schema:
        """The schema of a whole reply."""
        well_known = _WELL_KNOWN.get(message.full_name)
        return well_known() if well_known is not None else self.reference(message, reply=True)

    def name(self, field: FieldDescriptor) -> str:
        """The name of a field in JSON."""
        return str(field.json_name if self._camel_case else field.name)

    def object(self, message: Descriptor, *, reply: bool, without: frozenset[str] = frozenset()) -> Schema:
        """The message as an object, without the fields named in `without` (a request's path parameters) and those of its query."""
        fields = [
            field for field in message.fields if field.name not in without and not is_about_reply(field) and not _is_set_by_gateway(field)
        ]
        schema: Schema = {"type": "object"}
        if text := self._comments.of(message.full_name):
            schema["description"] = text
        schema["properties"] = {self.name(field): self.field(field, reply=reply) for field in fields}
        if required := [self.name(field) for field in fields if is_required(field) or (reply and _always_printed(field))]:
            schema["required"] = required
        return schema

    def form(self, message: Descriptor, without: Container[str] = ()) -> Schema:
        """The message as a form: files as parts, and the other fields as parts of their own names."""
        properties: dict[str, Schema] = {}
        files = []
        for field in message.fields:
            if is_about_reply(field) or field.name in without or _is_set_by_gateway(field):
                continue
            if part := field.GetOptions().Extensions[options_pb2.form_part]:
                if part == field.name:
                    properties[part] = {"type": "array", "items": dict(FILE), "description": self._comments.of(field.full_name)}
                    files.append(part)
                    continue
                one = FILE
                about = f"The file itself, in place of {field.name}"
                properties[part] = (
                    {"type": "array", "items": one, "description": f"{about}: one part for each."}
                    if field.is_repeated
                    else {**one, "description": f"{about}."}
                )
            properties[self.name(field)] = self.field(field, reply=False)
        if len(files) == len(properties):
            return {"type": "object", "description": "Files.", "properties": properties, "required": files}
        about = "The same fields as parts of a form, and files as parts. Lists are repeated parts or JSON, and objects are JSON."
        return {"type": "object", "description": about, "properties": properties}

    def field(self, field: FieldDescriptor, *, reply: bool) -> Schema:
        """One field with its rules and its comment."""
        rules = rules_of(field)
        if field.is_repeated:
            schema: Schema = {"type": "array", "items": self._value(field, reply=reply) | _allowed(field, rules.repeated.items)}
            schema |= constraints(rules)
        else:
            schema = self._value(field, reply=reply) | _allowed(field, rules)
        if default := field.GetOptions().Extensions[options_pb2.default_value]:
            schema["default"] = json.loads(default)
        if text := self._comments.of(field.full_name):
            schema["description"] = text
        return schema

    def _value(self, field: FieldDescriptor, *, reply: bool) -> Schema:
        if field.message_type is not None:
            return self._message(field, field.message_type, reply=reply)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.GetOptions().Extensions[options_pb2.whole]:
            return {"type": "integer", "format": "int64"}
        if reply and field.type in _LONG_INTEGERS:
            return {"type": "string", "pattern": "^-?[0-9]+$"}
        if field.GetOptions().Extensions[options_pb2.number_or_text]:
            return dict(_SCALARS[field.type]) | {"type": [_SCALARS[field.type]["type"], "string"]}
        return dict(_SCALARS[field.type])

    def _message(self, field: FieldDescriptor, message: Descriptor, *, reply: bool) -> Schema:
        if model := field.GetOptions().Extensions[options_pb2.described_by]:
            described = _message_called(model)
            return self._model(field, model) if described is None else self.reference(described, reply=False)
        well_known = _WELL_KNOWN.get(message.full_name)
        return well_known() if well_known is not None else self.reference(message, reply=reply)

    def _model(self, field: FieldDescriptor, name: str) -> Schema:
        """A reference to the schema of the class that describes a Struct or a Value."""
        for model, schema in schemas_of(_file_of(field), name).items():
            if self._found.setdefault(model, schema) != schema:
                raise ValueError(f"{field.full_name}: there is another schema called {model}")
        return {"$ref": f"#/components/schemas/{name}"}

    def _enum(self, enum: EnumDescriptor) -> Schema:
        # The transcoder prints names as they are; 0 means unset and is never sent.
        values = [value.name for value in enum.values if value.number != 0]
        lines = [f"- `{name}`: {self._comments.of(f'{enum.full_name}.{name}')}" for name in values]
        return {"type": "string", "enum": values, "description": "\n".join(lines)}


def _allowed(field: FieldDescriptor, rules: validate_pb2.FieldRules) -> Schema:
    """The keywords of a value's rules. A rule on an enum has numbers, where JSON has names."""
    found = constraints(rules)
    if field.enum_type is not None and "enum" in found:
        found["enum"] = [field.enum_type.values_by_number[number].name for number in found["enum"] if number]
    return found


def _message_called(name: str) -> Descriptor | None:
    """The message with a full name; None for the name of a class."""
    return descriptor_pool.Default().FindMessageTypeByName(name) if "." in name else None


def _file_of(field: FieldDescriptor) -> FileDescriptor:
    assert field.containing_type is not None
    return field.containing_type.file


def is_about_reply(field: FieldDescriptor) -> bool:
    """Whether a field of a request is a query parameter, whatever the verb."""
    return bool(field.GetOptions().Extensions[options_pb2.about_reply])


def _always_printed(field: FieldDescriptor) -> bool:
    return bool(field.is_repeated and not field.GetOptions().Extensions[options_pb2.absent_when_empty])


def _is_set_by_gateway(field: FieldDescriptor) -> bool:
    """Whether no client can set it."""
    return bool(field.GetOptions().Extensions[options_pb2.set_by_gateway])
