"""The reasons for which a call may be refused, and how the surface reports them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from darkroom.common.v1 import errors_pb2
from reference.comments import Comments
from reference.schemas import Schemas
from services.common.errors import DarkroomError, ErrorReason
from services.common.rpc import catalogue
from services.common.rpc.catalogue import HttpBinding
from services.common.rpc.surfaces import Surface, rendered

Schema = dict[str, Any]

# `Codes: 40001, 40004 to 40008 (…)`, or `Errors: FIELD_INVALID (…), TASK_NOT_FOUND`: sentences in the comments of a surface's calls that
# name their error codes or reasons.
_CODES = re.compile(r"(\d{4,5})(?: to (\d{4,5}))?")
_SENTENCE = re.compile(r"\bCodes\b[^:]*:(.*)", re.DOTALL)
_REASONS = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b|\b[A-Z]{6,}\b")
_NAMING_SENTENCE = re.compile(r"\bErrors\b[^:]*:(.*)", re.DOTALL)

_ANY_CALL = (
    ErrorReason.API_KEY_INVALID,
    ErrorReason.ADDRESS_NOT_ALLOWED,
    ErrorReason.PERMISSION_DENIED,
    ErrorReason.INTERNAL,
    ErrorReason.UNAVAILABLE,
)
_ANY_BODY = (ErrorReason.MALFORMED_REQUEST, ErrorReason.BODY_TOO_LARGE)


class UndocumentedError(Exception):
    """A comment names no code, or one that does not exist."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """Renders the error responses of methods from what their comments say."""

    comments: Comments
    schemas: Schemas
    surface: Surface

    def reasons(self, method: MethodDescriptor, binding: HttpBinding) -> list[ErrorReason]:
        """Every reason that the call may be refused with, by its code. Raises UndocumentedError."""
        found = set(_ANY_CALL) | {ErrorReason.FIELD_INVALID}
        if binding.verb not in ("GET", "DELETE"):
            found |= set(_ANY_BODY)
        elif any(f"{{{name}" not in binding.template for name in method.input_type.fields_by_name):
            # A query parameter whose value does not fit the type of its field.
            found.add(ErrorReason.MALFORMED_REQUEST)
        named = [*self._named(method.containing_service.full_name), *self._named(method.full_name)]
        if not named:
            raise UndocumentedError(f"{method.full_name}: its comment must say `Codes: …` or `Errors: …`, or that of its service")
        return sorted(found | set(named), key=self._order)

    def responses(self, method: MethodDescriptor, binding: HttpBinding) -> dict[str, Schema]:
        """The error responses by status."""
        by_status: dict[int, list[ErrorReason]] = defaultdict(list)
        for reason in self.reasons(method, binding):
            by_status[self._http_status(reason, binding)].append(reason)
        limit = catalogue.max_request_bytes(method)
        return {str(status): self._response(reasons, limit) for status, reasons in sorted(by_status.items())}

    def _http_status(self, reason: ErrorReason, binding: HttpBinding) -> int:
        """The status for this call: a missing file is blamed on the path if that names one, else on a field."""
        status, _ = rendered(self.surface, DarkroomError(reason, "", field=None if "/files/{" in binding.template else "…"))
        return status

    def meaning(self, reason: ErrorReason) -> str:
        """What the reason's comment says."""
        return self.comments.of(f"{errors_pb2.ErrorReason.DESCRIPTOR.full_name}.ERROR_REASON_{reason.value}")

    def _named(self, full_name: str) -> list[ErrorReason]:
        comment = self.comments.of(full_name)
        sentence = _SENTENCE.search(comment)
        if sentence is None:
            named = _NAMING_SENTENCE.search(comment)
            return [_reason(name, full_name) for name in _REASONS.findall(named[1])] if named is not None else []
        return [reason for low, high in _CODES.findall(sentence[1]) for reason in self._between(int(low), int(high or low))]

    def _between(self, low: int, high: int) -> list[ErrorReason]:
        codes = {reason: code for reason in ErrorReason if isinstance(code := self.surface.code(reason), int)}
        found = [reason for reason, code in codes.items() if low <= code <= high]
        for code in {low, high}:
            if code not in {codes[reason] for reason in found}:
                raise UndocumentedError(f"{code} is not an error code of the surface {self.surface.name}")
        return found

    def _order(self, reason: ErrorReason) -> tuple[int, str]:
        code = self.surface.code(reason)
        return (code, "") if isinstance(code, int) else (reason.mapping.http, reason.value)

    def _line(self, reason: ErrorReason, limit: int) -> str:
        about = f" This call takes at most {limit:,} bytes." if limit and reason is ErrorReason.BODY_TOO_LARGE else ""
        names = dict.fromkeys(str(name) for name in (self.surface.code(reason), reason.value.lower()) if name is not None)
        return f"- {' '.join(f'`{name}`' for name in names)}: {self.meaning(reason)}{about}"

    def _response(self, reasons: Sequence[ErrorReason], limit: int) -> Schema:
        lines = [self._line(reason, limit) for reason in reasons]
        headers: Schema = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
        if any(reason.mapping.retry_after_seconds for reason in reasons):
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        _, example = rendered(self.surface, DarkroomError(reasons[0], self.meaning(reasons[0])))
        body: Schema = {"example": example}
        if self.surface.errors is not None:
            body = {"schema": self.schemas.reference(self.surface.errors.message, reply=True), **body}
        return {
            "description": "\n".join(lines),
            "headers": headers,
            "content": {"application/json": body},
        }


def _reason(name: str, full_name: str) -> ErrorReason:
    if name not in ErrorReason.__members__:
        raise UndocumentedError(f"{full_name}: {name} is not an ErrorReason")
    return ErrorReason(name)
