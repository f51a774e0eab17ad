"""What a call may be refused with, and how the surface says it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from darkroom.common.v1 import errors_pb2
from reference.comments import Comments
from services.common.errors import DarkroomError, ErrorReason
from services.common.rpc.catalogue import HttpBinding

Schema = dict[str, Any]

# `Codes: 40001, 40004 to 40008 (…)`: the sentences of a comment in which a surface's calls name their codes.
_CODES = re.compile(r"(\d{4,5})(?: to (\d{4,5}))?")
_SENTENCE = re.compile(r"\bCodes\b[^:]*:(.*)", re.DOTALL)

_ANY_CALL = (ErrorReason.API_KEY_INVALID, ErrorReason.PERMISSION_DENIED, ErrorReason.INTERNAL, ErrorReason.UNAVAILABLE)
_ANY_BODY = (ErrorReason.MALFORMED_REQUEST, ErrorReason.BODY_TOO_LARGE)

ERROR_ENVELOPE: Schema = {
    "type": "object",
    "description": "A refusal. Use `code` or `data.error_code` in programs, and show `message` to people.",
    "properties": {
        "code": {"type": "integer", "description": "What was wrong, as a number; never 200."},
        "message": {"type": "string", "description": "What was wrong and what is allowed, for a person to read."},
        "data": {"$ref": "#/components/schemas/ErrorData"},
    },
    "required": ["code", "message", "data"],
}
ERROR_DATA: Schema = {
    "type": "object",
    "description": "What was wrong, for programs.",
    "properties": {
        "error_code": {"type": "string", "description": "The reason in lower case, such as `file_not_found`. New ones may be added."},
        "field": {"type": "string", "description": "Path of the request field to blame, such as `files[0].name`, if one is."},
        "allowed": {"type": "array", "items": {"type": "string"}, "description": "The values that the field may have, where that helps."},
    },
    "required": ["error_code"],
}


class UndocumentedError(Exception):
    """A comment names no code, or one that does not exist."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """Renders the error responses of methods from what their comments say."""

    comments: Comments

    def reasons(self, method: MethodDescriptor, binding: HttpBinding) -> list[ErrorReason]:
        """Every reason that the call may be refused with, by its code. Raises UndocumentedError."""
        found = set(_ANY_CALL) | {ErrorReason.FIELD_INVALID}
        if binding.verb not in ("GET", "DELETE"):
            found |= set(_ANY_BODY)
        elif any(f"{{{name}" not in binding.template for name in method.input_type.fields_by_name):
            # A query parameter of another type than its field.
            found.add(ErrorReason.MALFORMED_REQUEST)
        named = [*self._named(method.containing_service.full_name), *self._named(method.full_name)]
        if not named:
            raise UndocumentedError(f"{method.full_name}: its comment must say `Codes: …`, or that of its service")
        return sorted(found | set(named), key=lambda reason: reason.mapping.pilio)

    def responses(self, method: MethodDescriptor, binding: HttpBinding) -> dict[str, Schema]:
        """The error responses by status."""
        by_status: dict[int, list[ErrorReason]] = defaultdict(list)
        for reason in self.reasons(method, binding):
            by_status[http_status(reason, binding)].append(reason)
        return {str(status): self._response(reasons) for status, reasons in sorted(by_status.items())}

    def meaning(self, reason: ErrorReason) -> str:
        """What the reason's comment says."""
        return self.comments.of(f"{errors_pb2.ErrorReason.DESCRIPTOR.full_name}.ERROR_REASON_{reason.value}")

    def _named(self, full_name: str) -> list[ErrorReason]:
        sentence = _SENTENCE.search(self.comments.of(full_name))
        if sentence is None:
            return []
        return [reason for low, high in _CODES.findall(sentence[1]) for reason in _between(int(low), int(high or low))]

    def _response(self, reasons: Sequence[ErrorReason]) -> Schema:
        lines = [f"- `{reason.mapping.pilio}` `{reason.value.lower()}`: {self.meaning(reason)}" for reason in reasons]
        headers: Schema = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
        if any(reason.mapping.retry_after_seconds for reason in reasons):
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        example = _example(reasons[0], self.meaning(reasons[0]))
        return {
            "description": "\n".join(lines),
            "headers": headers,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}, "example": example}},
        }


def http_status(reason: ErrorReason, binding: HttpBinding) -> int:
    """The status on this call: a missing file is the path's fault where that names one, or else that of a field."""
    in_path = "/files/{" in binding.template
    return DarkroomError(reason, "", field=None if in_path else "…").http_status


def _between(low: int, high: int) -> list[ErrorReason]:
    found = [reason for reason in ErrorReason if low <= reason.mapping.pilio <= high]
    for code in {low, high}:
        if code not in {reason.mapping.pilio for reason in found}:
            raise UndocumentedError(f"{code} is no code of any ErrorReason")
    return found


def _example(reason: ErrorReason, meaning: str) -> Schema:
    return {"code": reason.mapping.pilio, "message": meaning, "data": {"error_code": reason.value.lower()}}
