"""The JSON body of a surface's errors, built from the message and the enum that describe it in the surface's protos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from darkroom.common.v1 import errors_pb2, surface_pb2
from services.common.errors import DarkroomError, ErrorReason

_OTHERS = errors_pb2.ERROR_REASON_UNSPECIFIED


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """What a surface calls a reason."""

    value: int | str
    http: int | None
    """The HTTP status, where it differs from that of the reason."""


class ErrorShape:
    """Renders errors in the form of one surface."""

    def __init__(self, body: Descriptor, codes: EnumDescriptor | None) -> None:
        """Raise ValueError if a field does not declare what it holds, the body has a code but some reason has none, or a reason has two."""
        self.message = body
        self._codes = _codes_of(codes) if codes is not None else {}
        if surface_pb2.ERROR_PART_CODE in set(_parts(body)) and _OTHERS not in self._codes:
            missing = [reason.value for reason in ErrorReason if reason.number not in self._codes]
            if missing:
                raise ValueError(f"{body.full_name}: no error code means {', '.join(missing)}")

    def code(self, reason: ErrorReason) -> int | str | None:
        """The surface's code for a reason; None if it has none."""
        code = self._code(reason)
        return code.value if code is not None else None

    def http_status(self, error: DarkroomError) -> int:
        """The HTTP status of an error."""
        code = self._code(error.reason)
        return code.http if code is not None and code.http is not None else error.http_status

    def render(self, error: DarkroomError) -> dict[str, object]:
        """The body of an error."""
        return self._object(self.message, error)

    def _code(self, reason: ErrorReason) -> ErrorCode | None:
        return self._codes.get(reason.number) or self._codes.get(_OTHERS)

    def _object(self, message: Descriptor, error: DarkroomError) -> dict[str, object]:
        values = ((field.name, self._value(field, error)) for field in message.fields)
        return {name: value for name, value in values if value is not None}

    def _value(self, field: FieldDescriptor, error: DarkroomError) -> object | None:
        if field.message_type is not None:
            return self._object(field.message_type, error)
        parts: dict[surface_pb2.ErrorPart.ValueType, object | None] = {
            surface_pb2.ERROR_PART_CODE: self.code(error.reason),
            surface_pb2.ERROR_PART_MESSAGE: error.message,
            surface_pb2.ERROR_PART_REASON: error.reason.value,
            surface_pb2.ERROR_PART_REASON_IN_LOWER_CASE: error.reason.value.lower(),
            surface_pb2.ERROR_PART_FIELD: error.field,
            surface_pb2.ERROR_PART_ALLOWED: list(error.allowed) or None,
            surface_pb2.ERROR_PART_HTTP_STATUS: self.http_status(error),
        }
        return parts[_part(field)]


def _part(field: FieldDescriptor) -> surface_pb2.ErrorPart.ValueType:
    return field.GetOptions().Extensions[surface_pb2.holds]


def _parts(message: Descriptor) -> Iterator[surface_pb2.ErrorPart.ValueType]:
    for field in message.fields:
        if field.message_type is not None:
            yield from _parts(field.message_type)
        elif _part(field) == surface_pb2.ERROR_PART_UNSPECIFIED:
            raise ValueError(f"{field.full_name} must say by the option `holds` what stands in it")
        else:
            yield _part(field)


def _codes_of(codes: EnumDescriptor) -> dict[int, ErrorCode]:
    found: dict[int, ErrorCode] = {}
    for value in codes.values:
        meaning = value.GetOptions().Extensions[surface_pb2.means]
        for reason in meaning.reasons:
            if reason in found:
                raise ValueError(f"{codes.full_name}: {errors_pb2.ErrorReason.Name(reason)} has two codes")
            found[reason] = ErrorCode(meaning.text or value.number, meaning.http or None)
    return found
