"""JSON values, and texts of a form, as the fields of a proto message, refused in the caller's terms.

Enums may be named without their prefix: `cover` for `FIT_COVER`. Numbers and booleans may be texts, as a form has them, and a text in place
of an object or a list is read as JSON.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.unknown_fields import UnknownField

_BOOLEANS = {"true": True, "false": False}
_WELL_KNOWN = "google.protobuf"
_UNSPECIFIED = "UNSPECIFIED"
_BITS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_FLOATING = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)
_LONGEST_INTEGER = 20
"""Characters of the longest integer of 64 bits. Python refuses to read very long ones."""


def message_of(values: Mapping[str, Any], descriptor: Descriptor, path: str = "") -> Message:
    """The message with these fields; what is None is absent. `path` is that of the message in the request, and begins the names of fields
    in errors. Raises FIELD_INVALID, which says what is wrong with which field and what is allowed."""
    message = message_factory.GetMessageClass(descriptor)()
    for name, value in values.items():
        place = f"{path}.{name}" if path else name
        field = descriptor.fields_by_name.get(name)
        if field is None:
            raise UnknownField(place, list(descriptor.fields_by_name)).refusal()
        if value is None:
            continue
        oneof = field.containing_oneof
        if oneof is not None and message.WhichOneof(oneof.name) is not None:
            raise invalid(place, f"cannot be given together with {message.WhichOneof(oneof.name)}")
        _set(message, field, value, place)
    return message


def short_names(enum: EnumDescriptor) -> dict[str, int]:
    """The values of an enum by their names in lower case without the enum's prefix, except the one for absence."""
    prefix = enum.values[0].name.removesuffix(_UNSPECIFIED)
    return {each.name.removeprefix(prefix).lower(): each.number for each in enum.values if each.number}


def invalid(field: str, problem: str, allowed: Sequence[str] = ()) -> DarkroomError:
    """FIELD_INVALID about a field."""
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field, allowed=allowed)


def _set(message: Message, field: FieldDescriptor, value: Any, path: str) -> None:
    nested = field.message_type
    if nested is not None and nested.GetOptions().map_entry:
        _set_map(getattr(message, field.name), nested, _object(value, path), path)
    elif field.is_repeated:
        items = _items(value, path)
        target = getattr(message, field.name)
        target.extend(_value(field, item, path if len(items) == 1 and item is value else f"{path}[{at}]") for at, item in enumerate(items))
    elif nested is not None:
        made = _value(field, value, path)
        getattr(message, field.name).CopyFrom(made)
    else:
        setattr(message, field.name, _value(field, value, path))


def _set_map(target: Any, entry: Descriptor, values: Mapping[str, Any], path: str) -> None:
    held = entry.fields_by_name["value"]
    for key, value in values.items():
        made = _value(held, value, f"{path}.{key}")
        if held.message_type is not None:
            target[key].CopyFrom(made)
        else:
            target[key] = made


def _value(field: FieldDescriptor, value: Any, path: str) -> Any:
    if field.message_type is not None:
        if field.message_type.file.package == _WELL_KNOWN:
            return _well_known(field.message_type, value, path)
        return message_of(_object(value, path), field.message_type, path)
    return _enum_value(field.enum_type, value, path) if field.enum_type is not None else _scalar(field, value, path)


def _scalar(field: FieldDescriptor, value: Any, path: str) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        known = value if isinstance(value, bool) else _BOOLEANS.get(str(value).lower())
        if known is None:
            raise invalid(path, "must be true or false", list(_BOOLEANS))
        return known
    if field.cpp_type in _BITS:
        return _integer(value, *_BITS[field.cpp_type], path)
    if field.cpp_type in _FLOATING:
        return _number(value, path)
    if not isinstance(value, str):
        raise invalid(path, "must be a text")
    return value


def _well_known(message: Descriptor, value: Any, path: str) -> Message:
    try:
        made = message_factory.GetMessageClass(message)()
        return json_format.ParseDict(value, made)
    except (json_format.ParseError, ValueError, TypeError, AttributeError):
        raise invalid(path, f"is not the JSON of a {message.name}") from None


def _enum_value(enum: EnumDescriptor, value: Any, path: str) -> int:
    short = short_names(enum)
    if isinstance(value, str):
        known = enum.values_by_name.get(value)
        if known is not None and known.number:
            return int(known.number)
        if (name := value.lower().replace("-", "_")) in short:
            return short[name]
    raise invalid(path, f"must be one of {', '.join(short)}", list(short))


def _integer(value: Any, least: int, most: int, path: str) -> int:
    number: int | None = None
    if isinstance(value, str):
        digits = value.strip().removeprefix("-")
        number = int(value) if digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_INTEGER else None
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value == int(value):
        number = int(value)
    if number is None or not least <= number <= most:
        raise invalid(path, "must be an integer, 0 or more" if least == 0 else "must be an integer")
    return number


def _number(value: Any, path: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise invalid(path, "must be a number")
    return number


def _object(value: Any, path: str) -> Mapping[str, Any]:
    read = _read(value, path, "an object as JSON") if isinstance(value, str) else value
    if not isinstance(read, Mapping):
        raise invalid(path, "must be an object")
    return read


def _items(value: Any, path: str) -> list[Any]:
    """The items of a list, one that is given alone, or several parts of a form."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _read(value, path, "a list as JSON")
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _read(text: str, path: str, expected: str) -> Any:
    """JSON in a text. Surrogates that are no pair, which JSON may hold as escapes and UTF-8 cannot, are refused as wrong JSON is."""
    try:
        read = json.loads(text)
        json.dumps(read, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise invalid(path, f"must be {expected}") from None
    return read
