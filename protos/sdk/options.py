"""The fields of a proto message as arguments of a Python function."""

from __future__ import annotations

import re
from dataclasses import dataclass

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from darkroom.operations.v1 import options_pb2
from reference.comments import Comments

_SCALARS = {
    FieldDescriptor.CPPTYPE_BOOL: ("bool", "False"),
    FieldDescriptor.CPPTYPE_DOUBLE: ("float", "0.0"),
    FieldDescriptor.CPPTYPE_FLOAT: ("float", "0.0"),
    FieldDescriptor.CPPTYPE_INT32: ("int", "0"),
    FieldDescriptor.CPPTYPE_INT64: ("int", "0"),
    FieldDescriptor.CPPTYPE_UINT32: ("int", "0"),
    FieldDescriptor.CPPTYPE_UINT64: ("int", "0"),
    FieldDescriptor.CPPTYPE_STRING: ("str", '""'),
}

_FILES = {"MEDIA_KIND_IMAGE": "picture", "MEDIA_KIND_PDF": "document"}


@dataclass(frozen=True)
class Option:
    """One keyword argument: `value` is the expression for the message's field."""

    name: str
    annotation: str
    default: str | None
    value: str
    comment: str
    brings: str = ""
    """For an option that names a file, its name in a method that uploads, which takes the file itself. Empty for all others."""

    @property
    def parameter(self) -> str:
        """The parameter in the signature of the function that creates an operation."""
        return f"{self.name}: {self.annotation}" + ("" if self.default is None else f" = {self.default}")

    @property
    def method_parameter(self) -> str:
        """The parameter in the signature of the method that runs an operation."""
        return f"{self.brings}: Input | None = None" if self.brings else self.parameter

    @property
    def method_name(self) -> str:
        """The name of the method's parameter."""
        return self.brings or self.name

    @property
    def method_value(self) -> str:
        """The expression that the method passes to the function."""
        return f"await self.auxiliary_id({self.brings}, {self.brings!r}, idempotency_key, on_upload)" if self.brings else self.name


def docstring_literal(text: str) -> str:
    """The text as a docstring."""
    safe = text.replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{safe}\n"""' if "\n" in safe else f'"""{safe}"""'


def module_of(descriptor: Descriptor | EnumDescriptor) -> str:
    """The generated module that contains a message or enum."""
    return descriptor.file.name.rsplit("/", 1)[-1].removesuffix(".proto") + "_pb2"


def message_fields(message: Descriptor) -> list[FieldDescriptor] | None:
    """The fields of a message that may be written as a tuple, because all are numbers, strings or booleans; None for any other."""
    fields = list(message.fields)
    plain = all(field.cpp_type in _SCALARS and not field.is_repeated and not field.has_presence for field in fields)
    return fields if plain and len(fields) > 1 else None


def scalar(field: FieldDescriptor) -> str:
    """The Python type of a plain field."""
    return _SCALARS[field.cpp_type][0]


def option(field: FieldDescriptor, comments: Comments) -> Option:
    """The argument for a field. Raises NotImplementedError for a kind of field that no operation has used so far."""
    comment = comments.of(field.full_name)
    if field.enum_type is not None:
        return _enum(field, field.enum_type, comment, comments)
    if field.message_type is not None:
        return _message(field, field.message_type, comment)
    if field.cpp_type not in _SCALARS or field.type == FieldDescriptor.TYPE_BYTES:
        raise NotImplementedError(f"{field.full_name}: write down in {__name__} how this type is given in Python")
    return _plain(field, comment)


def _plain(field: FieldDescriptor, comment: str) -> Option:
    plain, zero = _SCALARS[field.cpp_type]
    if field.is_repeated:
        return Option(field.name, f"Sequence[{plain}]", "()", field.name, comment)
    rules = field.GetOptions().Extensions[validate_pb2.field]
    allowed = _allowed(field, rules)
    annotation = f"Literal[{', '.join(map(repr, allowed))}]" if allowed else plain
    if field.GetOptions().Extensions[options_pb2.auxiliary_input]:
        kind = options_pb2.MediaKind.Name(field.GetOptions().Extensions[options_pb2.auxiliary_input])
        return Option(field.name, annotation, "0", field.name, comment, f"{field.name.removesuffix('_file_id')}_{_FILES[kind]}")
    if field.has_presence:
        return Option(field.name, f"{annotation} | None", "None", field.name, comment)
    if rules.required or rules.string.min_len:
        return Option(field.name, annotation, None, field.name, comment)
    if allowed:
        return Option(field.name, f"{annotation} | None", "None", f"{field.name} or {zero}", comment)
    return Option(field.name, plain, zero, field.name, comment)


def _allowed(field: FieldDescriptor, rules: validate_pb2.FieldRules) -> list[object]:
    """The values that the field's rules list, except the one that means absence."""
    kind = rules.WhichOneof("type")
    listed = getattr(getattr(rules, kind), "in", ()) if kind is not None else ()
    return [value for value in listed if field.has_presence or value]


def _enum(field: FieldDescriptor, enum: EnumDescriptor, comment: str, comments: Comments) -> Option:
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper() + "_"
    names = {value.name: value.name.removeprefix(prefix).lower() for value in enum.values if value.number}
    literal = f"Literal[{', '.join(map(repr, names.values()))}]"
    meanings = " ".join(f"`{name}`: {comments.of(f'{enum.full_name}.{full}')}" for full, name in names.items())
    number = f"enum_value({module_of(enum)}.{enum.name}, {prefix!r}, {{}}, {field.name!r})"
    text = f"{comment} {meanings}"
    if field.is_repeated:
        value = f"[{number.format('item')} for item in {field.name}]"
        return Option(field.name, f"Sequence[{literal}]", "()", value, text)
    return Option(field.name, f"{literal} | None", "None", number.format(field.name), text)


def _message(field: FieldDescriptor, message: Descriptor, comment: str) -> Option:
    if message.GetOptions().map_entry:
        raise NotImplementedError(f"{field.full_name}: write down in {__name__} how a map is given in Python")
    fields = message_fields(message)
    name = f"{module_of(message)}.{message.name}"
    annotation = name if fields is None else f"{name} | tuple[{', '.join(map(scalar, fields))}]"
    made = "{}" if fields is None else f"message({name}, {{}})"
    text = comment if fields is None else f"{comment} Each is a `{message.name}`, or a tuple ({', '.join(part.name for part in fields)})."
    if field.is_repeated:
        return Option(field.name, f"Sequence[{annotation}]", "()", f"[{made.format('item')} for item in {field.name}]", text)
    value = field.name if fields is None else f"None if {field.name} is None else {made.format(field.name)}"
    return Option(field.name, f"{annotation} | None", "None", value, text.replace("Each is", "It is"))
