"""The JSON body of a surface's errors, built from the message and the enum that describe it in the surface's protos."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from darkroom.common.v1 import errors_pb2, surface_pb2
from services.platform.errors import DarkroomError, ErrorReason, Violation

_OTHERS = errors_pb2.ERROR_REASON_UNSPECIFIED
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A surface's code for a reason."""

    value: int | str
    http: int | None
    """The HTTP status, where it differs from that of the reason."""
    type: str | None
    """Its kind, on surfaces that group their codes."""
    nested_in: str
    """The member that holds the body; empty if the body is not nested."""
    message: str | None = None
    """The text that the surface's clients read instead of the error's own message."""


class ErrorShape:
    """Renders errors in the form of one surface."""

    def __init__(self, body: Descriptor, codes: EnumDescriptor | None) -> None:
        """Raise ValueError if a field does not declare what it holds, the body has a code but some reason has none, or a reason has two."""
        self.message = body
        self._codes, self._of_kinds = _codes_of(codes) if codes is not None else ({}, {})
        self._tells_codes = surface_pb2.ERROR_PART_CODE in set(_parts(body))
        if self._tells_codes and _OTHERS not in self._codes:
            missing = [reason.value for reason in ErrorReason if reason.number not in self._codes]
            if missing:
                raise ValueError(f"{body.full_name}: no error code means {', '.join(missing)}")

    def code(self, reason: ErrorReason) -> int | str | None:
        """The surface's code for a reason; None if it has none."""
        code = self._code(reason)
        return code.value if code is not None and self._tells_codes else None

    def code_of(self, error: DarkroomError) -> int | str | None:
        """The surface's code for an error; None if it has none."""
        code = self._code(error.reason, error.kind)
        return code.value if code is not None and self._tells_codes else None

    def kinds(self, reason: ErrorReason) -> list[str]:
        """The kinds of errors with a reason that have codes of their own."""
        return [kind for number, kind in self._of_kinds if number == reason.number]

    def http_status(self, error: DarkroomError) -> int:
        code = self._code(error.reason, error.kind)
        return code.http if code is not None and code.http is not None else error.http_status

    def render(self, error: DarkroomError, request_id: str) -> dict[str, object]:
        """The body of an error."""
        values = self._values(error, request_id)
        body = _object(self.message, values)
        code = self._code(error.reason, error.kind)
        return {code.nested_in: body} if code is not None and code.nested_in else body

    def text(self, part: surface_pb2.ErrorPart.ValueType, error: DarkroomError, request_id: str) -> str | None:
        """One part of an error; None if the error has no value for it."""
        value = self._values(error, request_id)[part]
        return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)

    def _code(self, reason: ErrorReason, kind: str = "") -> ErrorCode | None:
        return self._of_kinds.get((reason.number, kind)) or self._codes.get(reason.number) or self._codes.get(_OTHERS)

    def _values(self, error: DarkroomError, request_id: str) -> Mapping[surface_pb2.ErrorPart.ValueType, object | None]:
        code = self._code(error.reason, error.kind)
        message = code.message if code is not None and code.message is not None else error.message
        return {
            surface_pb2.ERROR_PART_CODE: code.value if code is not None else None,
            surface_pb2.ERROR_PART_TYPE: code.type if code is not None else None,
            surface_pb2.ERROR_PART_MESSAGE: message,
            surface_pb2.ERROR_PART_REASON: error.reason.value,
            surface_pb2.ERROR_PART_REASON_IN_LOWER_CASE: error.reason.value.lower(),
            surface_pb2.ERROR_PART_FIELD: error.field,
            surface_pb2.ERROR_PART_ALLOWED: list(error.allowed) or None,
            surface_pb2.ERROR_PART_HTTP_STATUS: self.http_status(error),
            surface_pb2.ERROR_PART_FIELD_MESSAGES: _messages(error.violations),
            surface_pb2.ERROR_PART_MESSAGE_OR_LOCATIONS: [_located(each) for each in error.violations] or message,
            surface_pb2.ERROR_PART_REQUEST_ID: request_id or None,
            surface_pb2.ERROR_PART_RETRYABLE: error.passes,
            surface_pb2.ERROR_PART_RULE: error.metadata.get("rule"),
            surface_pb2.ERROR_PART_LEAST: _whole(error.limit("least")),
            surface_pb2.ERROR_PART_MOST: _whole(error.limit("most")),
        }


def _object(message: Descriptor, values: Mapping[surface_pb2.ErrorPart.ValueType, object | None]) -> dict[str, object]:
    found = ((field.name, values[_part(field)] if _is_part(field) else _object(_message(field), values)) for field in message.fields)
    return {name: value for name, value in found if value is not None}


def _whole(limit: float | None) -> float | int | None:
    return int(limit) if limit is not None and limit.is_integer() else limit


def _messages(violations: tuple[Violation, ...]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in violations:
        found.setdefault(each.field, []).append(each.problem)
    return found


def _located(violation: Violation) -> dict[str, object]:
    steps = [int(index) if index else name for index, name in _STEP.findall(violation.field)]
    return {"loc": ["body", *steps], "msg": violation.problem, "type": violation.kind}


def _part(field: FieldDescriptor) -> surface_pb2.ErrorPart.ValueType:
    return field.GetOptions().Extensions[surface_pb2.holds]


def _is_part(field: FieldDescriptor) -> bool:
    """Whether the field itself contains something, and not its own fields."""
    return field.message_type is None or _part(field) != surface_pb2.ERROR_PART_UNSPECIFIED


def _message(field: FieldDescriptor) -> Descriptor:
    assert field.message_type is not None
    return field.message_type


def _parts(message: Descriptor) -> Iterator[surface_pb2.ErrorPart.ValueType]:
    for field in message.fields:
        if not _is_part(field):
            yield from _parts(_message(field))
        elif _part(field) == surface_pb2.ERROR_PART_UNSPECIFIED:
            raise ValueError(f"{field.full_name} must say by the option `holds` what stands in it")
        else:
            yield _part(field)


def _codes_of(codes: EnumDescriptor) -> tuple[dict[int, ErrorCode], dict[tuple[int, str], ErrorCode]]:
    """The codes of reasons, and those of some kinds of errors with a reason."""
    found: dict[int, ErrorCode] = {}
    of_kinds: dict[tuple[int, str], ErrorCode] = {}
    for value in codes.values:
        meaning = value.GetOptions().Extensions[surface_pb2.means]
        code = ErrorCode(
            meaning.text or value.number, meaning.http or None, meaning.type or None, meaning.nested_in, meaning.message or None
        )
        for reason in meaning.reasons:
            known = [(reason, kind) in of_kinds for kind in meaning.kinds] or [reason in found]
            if any(known):
                raise ValueError(f"{codes.full_name}: {errors_pb2.ErrorReason.Name(reason)} has two codes")
            of_kinds |= {(reason, kind): code for kind in meaning.kinds}
            if not meaning.kinds:
                found[reason] = code
    return found, of_kinds
