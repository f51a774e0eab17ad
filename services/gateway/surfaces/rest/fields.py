"""The fields of a form as the message that the JSON body of the same call becomes, so that there is one definition of both."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from darkroom.common.v1 import options_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.json_messages import message_of
from services.platform.rpc.unknown_fields import UnknownField

_BOOLEANS = {"true": True, "false": False}
_WHOLE = (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64)
_FLOATING = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


class Fields:
    """The limits of a form of one call."""

    def __init__(self, message: Descriptor) -> None:
        self._message = message
        self._class = message_factory.GetMessageClass(message)
        self._files: dict[str, FieldDescriptor] = {}
        for field in message.fields:
            if part := field.GetOptions().Extensions[options_pb2.form_part]:
                self._files[part] = field

    def is_field(self, name: str) -> bool:
        """Never: what has a file name is a file."""
        return False

    def check_file(self, part: str, already: int) -> None:
        """Refuse a file in a part that takes none, or no more than the one that it has. Raises FIELD_INVALID."""
        field = self._files.get(part)
        if field is None:
            raise _invalid(part, "takes no file", [f"a file in {name}" for name in self._files])
        if already and not field.is_repeated:
            raise _invalid(part, "takes one file")

    def check_field(self, name: str) -> None:
        """Refuse a field that the call does not have. Raises FIELD_INVALID."""
        if name in self._files:
            raise _invalid(name, "must be a file: a part with a file name")
        if name not in self._message.fields_by_name:
            raise UnknownField(name, [*self._files, *self._message.fields_by_name]).refusal()

    def request(
        self,
        texts: Sequence[tuple[str, str]],
        query: Sequence[tuple[str, str]],
        files: Mapping[str, Sequence[int]],
        path: Mapping[str, str] = MappingProxyType({}),
    ) -> Message:
        """The message. `query` is of the URL, where other parameters are ignored, as for JSON. So is `path`, which wins over fields of the
        same names. `files` are the ids of stored files, by part. Raises FIELD_INVALID."""
        known = [(name, value) for name, value in query if name in self._message.fields_by_name]
        given: dict[str, list[str]] = defaultdict(list)
        for name, value in (*texts, *known):
            given[name].append(value)
        given |= {name: [value] for name, value in path.items()}
        for part, ids in files.items():
            field = self._files[part]
            if field.name in given:
                raise _invalid(part, f"replaces {field.name}; send only one of them")
            given[field.name] = [str(file_id) for file_id in ids]
        request = self._class()
        for name, values in given.items():
            self._set(request, self._message.fields_by_name[name], values)
        return request

    def translate_error(self, error: DarkroomError, files: Mapping[str, Sequence[int]]) -> DarkroomError:
        """An error of the call in the form's terms: a file's part in place of the field that names the file."""
        for part, field in self._files.items():
            sent = files.get(part) or not any(files.values())
            if error.field is not None and sent and (error.field == field.name or error.field.startswith(f"{field.name}[")):
                blamed = error.at(part + error.field.removeprefix(field.name))
                return _worded(blamed, error.message.replace(f"{field.name}", part, 1) if error.message.startswith(field.name) else None)
        return error

    def _set(self, request: Message, field: FieldDescriptor, values: Sequence[str]) -> None:
        if field.message_type is not None and (field.is_repeated or len(values) == 1):
            request.MergeFrom(message_of({field.name: list(values) if len(values) > 1 else values[0]}, self._message))
            return
        if field.is_repeated:
            value: object = _list(field, values)
        elif len(values) > 1:
            raise _invalid(field.name, "is given twice")
        else:
            value = _value(field, values[0])
        try:
            json_format.ParseDict({field.name: value}, request)
        except (json_format.ParseError, ValueError, TypeError):
            raise _invalid(field.name, f"must be {_expected(field)}") from None


def _list(field: FieldDescriptor, values: Sequence[str]) -> list[object]:
    """One part for each item, or one with a JSON list of them."""
    if len(values) == 1 and values[0].lstrip().startswith("["):
        whole = _json(field, values[0])
        return whole if isinstance(whole, list) else [whole]
    return [_value(field, value) for value in values]


def _value(field: FieldDescriptor, text: str) -> object:
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if text.lower() not in _BOOLEANS:
            raise _invalid(field.name, "must be true or false", ["true", "false"])
        return _BOOLEANS[text.lower()]
    return text


def _json(field: FieldDescriptor, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid(field.name, f"must be {_expected(field)}") from None


def _expected(field: FieldDescriptor) -> str:
    one = "a text"
    if field.enum_type is not None:
        one = f"one of {', '.join(value.name for value in field.enum_type.values if value.number)}"
    elif field.cpp_type in _WHOLE:
        one = "an integer"
    elif field.cpp_type in _FLOATING:
        one = "a number"
    return f"{one}, once for each item, or a JSON list" if field.is_repeated else one


def _worded(error: DarkroomError, message: str | None) -> DarkroomError:
    if message is None:
        return error
    return DarkroomError(
        error.reason, message, field=error.field, allowed=error.allowed, metadata=error.metadata, retry_after=error.retry_after
    )


def _invalid(field: str, problem: str, allowed: Sequence[str] = ()) -> DarkroomError:
    return DarkroomError(ErrorReason.FIELD_INVALID, f"{field}: {problem}.", field=field, allowed=allowed)
