"""Refused requests, in SnapOtter's form: `{error, code?, details?}`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from starlette.responses import Response

from services.platform.errors import DarkroomError, ErrorReason

_JSON = "application/json; charset=utf-8"
INTERNAL = "Internal server error"


class Refusal(Exception):
    """A refusal with a text that the surface's clients know."""

    def __init__(
        self,
        status: int,
        error: str,
        *,
        code: str | None = None,
        details: str | Sequence[Mapping[str, object]] | None = None,
        retry_after: int | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        """`more` are further fields of the reply."""
        super().__init__(error)
        self.status, self.error, self.code, self.details, self.retry_after = status, error, code, details, retry_after
        self._more = dict(more or {})

    def response(self) -> Response:
        """The reply."""
        body: dict[str, object] = {"error": self.error}
        if self.code is not None:
            body["code"] = self.code
        if self.details is not None:
            body["details"] = self.details
        return answer(body | self._more, self.status, {} if self.retry_after is None else {"retry-after": str(self.retry_after)})


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A reply in JSON."""
    return Response(json.dumps(body, ensure_ascii=False, separators=(",", ":")), status, dict(headers or {}), _JSON)


def not_found(verb: str, path: str) -> Response:
    """The reply where there is nothing."""
    body = {"message": f"Route {verb}:{path} not found", "error": "Not Found", "statusCode": 404}
    return answer(body, 404)


_CODES = {
    ErrorReason.API_KEY_INVALID: "AUTH_REQUIRED",
    ErrorReason.SESSION_INVALID: "AUTH_REQUIRED",
    ErrorReason.PERMISSION_DENIED: "FORBIDDEN",
    ErrorReason.PASSWORD_CHANGE_REQUIRED: "MUST_CHANGE_PASSWORD",
    ErrorReason.PASSWORD_INVALID: "INVALID_PASSWORD",
    ErrorReason.FIELD_INVALID: "VALIDATION_ERROR",
    ErrorReason.ESCALATION_DENIED: "ESCALATION_DENIED",
    ErrorReason.USER_LIMIT_REACHED: "USER_LIMIT_REACHED",
    ErrorReason.SELF_DEMOTE: "SELF_DEMOTE",
    ErrorReason.SELF_DELETE: "SELF_DELETE",
    ErrorReason.LAST_ADMIN: "LAST_ADMIN",
    ErrorReason.USER_NOT_FOUND: "NOT_FOUND",
    ErrorReason.ROLE_NOT_FOUND: "NOT_FOUND",
    ErrorReason.TEAM_NOT_FOUND: "NOT_FOUND",
    ErrorReason.API_KEY_NOT_FOUND: "NOT_FOUND",
    ErrorReason.NAME_TAKEN: "CONFLICT",
    ErrorReason.SETTING_NOT_FOUND: "NOT_FOUND",
    ErrorReason.LOGO_NOT_FOUND: "NOT_FOUND",
}


def refusal_of(error: DarkroomError) -> Refusal:
    """A refusal of the platform, where no handler has other words for it."""
    if error.reason is ErrorReason.INTERNAL:
        return Refusal(500, INTERNAL, details="Quote the request id when you report it.")
    return Refusal(error.http_status, error.message, code=_CODES.get(error.reason), retry_after=error.advised_wait)


_PROBLEMS = {
    "empty": "File is empty",
    "no_data": "File contains no image data",
    "unrecognized": "Unrecognized image format",
    "unreadable": "Failed to read image metadata",
}
_OF_THE_FILE = {ErrorReason.MEDIA_UNSUPPORTED, ErrorReason.FILE_CORRUPT, ErrorReason.MEDIA_LIMIT_EXCEEDED, ErrorReason.FILE_ENCRYPTED}


def image_problem(error: DarkroomError) -> str | None:
    """Why a file is no usable picture; None if the error is about something else."""
    if error.reason not in _OF_THE_FILE:
        return None
    said = error.metadata
    match said.get("problem"):
        case "unsupported":
            return f"Unsupported format: {said.get('format', 'unknown')}"
        case "too_many_pixels":
            return f"Image exceeds maximum size: {said.get('megapixels', '?')}MP (limit: {said.get('limit', '?')}MP)"
        case problem:
            return _PROBLEMS.get(problem or "") or error.message
