"""The form of a call that runs one operation: files as parts, and the operation's parameters as parts of their own names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from darkroom.rest.v1 import operation_calls_pb2
from services.pictures.operation_calls import FILE, FILE_IDS, REPLY_FIELDS, OperationCall
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.json_messages import invalid, message_of
from services.platform.rpc.unknown_fields import UnknownField

_MOST_FILES = 500


class OperationForm:
    """The limits of a form of one call, and the request that it becomes: `RunOperationRequest`, which has what was sent as texts."""

    def __init__(self, call: OperationCall, message: Descriptor) -> None:
        self._call, self._message = call, message

    @property
    def may_be_short(self) -> bool:
        """Whether the operation may be short work, which is done before its picture is stored."""
        return bool(self._call.spec.short_megapixels)

    def is_field(self, name: str) -> bool:
        """Never: what has a file name is a file."""
        return False

    def check_file(self, part: str, already: int) -> None:
        """Refuse a file in a part that takes none, or no more than those that it has. Raises FIELD_INVALID and TOO_MANY_FILES."""
        if part not in self._call.file_parts:
            raise invalid(part, "takes no file", [f"a file in {name}" for name in self._call.file_parts])
        if part != FILE and already:
            raise invalid(part, "takes one file")
        if already >= _MOST_FILES:
            raise DarkroomError(ErrorReason.TOO_MANY_FILES, f"{part}: at most {_MOST_FILES} files are allowed.", field=part)

    def check_field(self, name: str) -> None:
        """Refuse a field that the call does not have. Raises FIELD_INVALID."""
        if name not in self._call.names:
            if name in self._call.file_parts:
                raise invalid(name, "must be a file: a part with a file name")
            raise UnknownField(name, [*self._call.file_parts, *self._call.names]).refusal()

    def request(
        self,
        texts: Sequence[tuple[str, str]],
        query: Sequence[tuple[str, str]],
        files: Mapping[str, Sequence[int]],
        path: Mapping[str, str],
    ) -> Message:
        """The request. `query` is of the URL, where other parameters than those about the reply are ignored. Raises FIELD_INVALID."""
        given: dict[str, list[str]] = defaultdict(list)
        for name, value in (*texts, *((name, value) for name, value in query if name in REPLY_FIELDS)):
            given[name].append(value)
        for name, values in given.items():
            if len(values) > 1 and not self._takes_several(name):
                raise invalid(name, "is given twice")
        reply = {name: given.pop(name)[0] for name in REPLY_FIELDS if name in given}
        request = message_of(reply, self._message)
        assert isinstance(request, operation_calls_pb2.RunOperationRequest)
        request.operation = path["operation"]
        values_of: dict[str, Any] = {name: values if len(values) > 1 else values[0] for name, values in given.items()}
        json_format.ParseDict(values_of, request.input)
        for part, file_ids in files.items():
            request.files.extend(operation_calls_pb2.FormFile(part=part, file_id=file_id) for file_id in file_ids)
        return request

    def translate_error(self, error: DarkroomError, files: Mapping[str, Sequence[int]]) -> DarkroomError:
        """The same error: the call knows the parts."""
        return error

    def _takes_several(self, name: str) -> bool:
        field = self._call.parameters.get(name)
        return field.is_repeated if field is not None else name == FILE_IDS
