"""The parameters of an operation, as clients of this surface write them: JSON that a program in a loosely typed language made."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from services.platform.errors import Violation

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
_BOOLEANS: Mapping[object, bool] = {"true": True, "false": False, "True": True, "False": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}(\.0+)?")
_SIMILARITY = 0.7


class _Wrong(Exception):
    """A value that its field cannot have."""

    def __init__(self, kind: str, problem: str) -> None:
        super().__init__(problem)
        self.kind, self.problem = kind, problem


def fill(message: Message, given: Mapping[str, object], *, others: Sequence[str] = (), at: str = "") -> list[Violation]:
    """Set the fields of `message` from JSON values, and return what is wrong with them.

    A number or a boolean may be a string. A value of an enumeration is its name, with or without the prefix and in any case: `product` or
    `SUBJECT_PRODUCT`. A field that is null counts as absent. `others` are the fields that the caller takes besides, to suggest them, and
    `at` is the path of `message` in the request.
    """
    found: list[Violation] = []
    descriptor: Descriptor = message.DESCRIPTOR  # type: ignore[assignment]
    fields = descriptor.fields_by_name
    for name, value in given.items():
        path = f"{at}.{name}" if at else name
        if name not in fields:
            found.append(unknown(path, [*others, *fields]))
        elif value is not None:
            found += _set(message, fields[name], value, path)
    return found


def unknown(path: str, names: Sequence[str]) -> Violation:
    """The complaint about a field that there is not; `names` are those that there are."""
    near = difflib.get_close_matches(path.rpartition(".")[2], names, 1, _SIMILARITY)
    return Violation(path, "is not a field of this model" + (f"; did you mean {near[0]}?" if near else ""), "extra_forbidden")


def whole_number(value: object) -> object:
    """A string that holds an integer, as an integer; anything else unchanged."""
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _set(message: Message, field: FieldDescriptor, value: object, path: str) -> list[Violation]:
    oneof = field.containing_oneof
    if oneof is not None and len(oneof.fields) > 1 and (other := message.WhichOneof(oneof.name)) is not None:
        return [Violation(path, f"cannot be given together with {other}")]
    if field.message_type is not None:
        return _set_messages(message, field, value, path)
    try:
        if not field.is_repeated:
            setattr(message, field.name, _scalar(field, value))
            return []
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise _Wrong("list_type", "must be a list")
    except _Wrong as wrong:
        return [Violation(path, wrong.problem, wrong.kind)]
    found = []
    for index, each in enumerate(value):
        try:
            getattr(message, field.name).append(_scalar(field, each))
        except _Wrong as wrong:
            found.append(Violation(f"{path}[{index}]", wrong.problem, wrong.kind))
    return found


def _set_messages(message: Message, field: FieldDescriptor, value: object, path: str) -> list[Violation]:
    inner: Any = getattr(message, field.name)
    kind = field.message_type
    if kind is not None and (kind.full_name.startswith("google.protobuf.") or kind.GetOptions().map_entry):
        try:
            ParseDict({field.name: value}, message)
        except (ParseError, ValueError, TypeError):
            return [Violation(path, "does not have the documented form")]
        return []
    if not field.is_repeated:
        if not isinstance(value, Mapping):
            return [Violation(path, "must be an object", "dict_type")]
        inner.SetInParent()
        return fill(inner, value, at=path)
    if not isinstance(value, Sequence) or isinstance(value, str):
        return [Violation(path, "must be a list", "list_type")]
    found = []
    for index, each in enumerate(value):
        if isinstance(each, Mapping):
            found += fill(inner.add(), each, at=f"{path}[{index}]")
        else:
            found.append(Violation(f"{path}[{index}]", "must be an object", "dict_type"))
    return found


def _scalar(field: FieldDescriptor, value: object) -> object:
    if field.enum_type is not None:
        return _enum(field.enum_type, value)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _boolean(value)
    if field.cpp_type in _INTEGERS:
        return _integer(value, *_INTEGERS[field.cpp_type])
    if field.cpp_type in _FLOATS:
        return _number(value)
    if not isinstance(value, str):
        raise _Wrong("string_type", "must be a string")
    return value.encode() if field.type == FieldDescriptor.TYPE_BYTES else value


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise _Wrong("bool_type", "must be true or false")


def _integer(value: object, least: int, most: int) -> int:
    number = whole_number(value)
    if not isinstance(number, int) or isinstance(number, bool):
        raise _Wrong("int_type", "must be an integer")
    if not least <= number <= most:
        raise _Wrong("int_type", "must be an integer, 0 or more" if least == 0 and number < 0 else f"must be from {least} to {most}")
    return number


def _number(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?([0-9]{1,30}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*", value):
        return float(value)
    raise _Wrong("float_type", "must be a number")


def _enum(enum: EnumDescriptor, value: object) -> int:
    names = short_names(enum)
    if isinstance(value, str):
        text = value.strip().replace("-", "_").replace(" ", "_")
        number = names.get(text.lower())
        if number is not None:
            return number
        full = enum.values_by_name.get(text.upper())
        if full is not None and full.number in names.values():
            return full.number
    raise _Wrong("enum", f"must be one of {', '.join(names)}")


def short_names(enum: EnumDescriptor) -> dict[str, int]:
    """The values of an enumeration by their names in lower case, without the prefix that proto enumerations have."""
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"
    return {each.name.removeprefix(prefix).lower(): each.number for each in enum.values if each.number}
