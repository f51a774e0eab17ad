"""The reasons for which a call may be refused, and how the surface reports them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from darkroom.common.v1 import errors_pb2, scope_pb2
from reference.comments import Comments
from reference.schemas import Schemas
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc import catalogue
from services.platform.rpc.catalogue import HttpBinding
from services.platform.rpc.permissions import scope_of
from services.platform.rpc.surfaces import Surface, render_error

Schema = dict[str, Any]

# `Codes: 40001, 40004 to 40008 (…)`, or `Errors: FIELD_INVALID (…), TASK_NOT_FOUND`: sentences in the comments of a surface's calls that
# name their error codes or reasons.
_CODES = re.compile(r"(\d{4,5})(?: to (\d{4,5}))?")
_SENTENCE = re.compile(r"\bCodes\b[^:]*:(.*)", re.DOTALL)
_REASONS = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b|\b[A-Z]{6,}\b")
_NAMING_SENTENCE = re.compile(r"\bErrors\b[^:]*:(.*)", re.DOTALL)
# Statuses in comments, which are no measures.
_STATUS = re.compile(r"\b([45]\d\d)\b(?! (?:×|pixels|bytes|characters))")
_CONJUNCTION = re.compile(r"(?:,\s*|\s+)(?:and\s+)?(?:with\s*)?$")
_SENTENCES = re.compile(r"(?<=[.;])\s+")

# The gateway's refusals of bodies of each kind, besides those with a reason.
_BODIES = {
    "settings": {
        400: "The body is no form, it has no file or several, or the file is not a picture that can be read.",
        422: "The picture cannot be decoded or processed.",
    },
    "form": {406: "The body is no form.", 422: "The picture cannot be decoded or processed."},
    "json": {415: "The body is not JSON by its content type."},
    "": {},
}

_ANY_CALL = (
    ErrorReason.API_KEY_INVALID,
    ErrorReason.ADDRESS_NOT_ALLOWED,
    ErrorReason.PERMISSION_DENIED,
    ErrorReason.INTERNAL,
    ErrorReason.UNAVAILABLE,
)
# Calls that answer FILE_NOT_FOUND.
_NAMED_BY_PATHS = ("/files/{", "/library/{", "/storages/{")
_DELETED_SINCE = "(deleted since)"
_SESSION = ""  # the prefix of keys that stands for tokens of sessions
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
        if binding.has_body:
            found |= set(_ANY_BODY)
        elif any(f"{{{name}" not in binding.template for name in method.input_type.fields_by_name):
            # A query parameter whose value does not fit the type of its field.
            found.add(ErrorReason.MALFORMED_REQUEST)
        if self._may_be_a_session(method):
            found.add(ErrorReason.PASSWORD_CHANGE_REQUIRED)
        named = [*self._named(method.containing_service.full_name), *self._named(method.full_name)]
        if self.surface.over_http and "{" in binding.template:
            # A variable may hold what leads elsewhere.
            found.add(ErrorReason.ROUTE_NOT_FOUND)
        if not named:
            raise UndocumentedError(f"{method.full_name}: its comment must say `Codes: …` or `Errors: …`, or that of its service")
        return sorted(found | set(named), key=self._order)

    def responses(self, method: MethodDescriptor, binding: HttpBinding) -> dict[str, Schema]:
        """The error responses by status."""
        by_status: dict[int, list[DarkroomError]] = defaultdict(list)
        for reason in self.reasons(method, binding):
            for kind in self._kinds(reason):
                for blamed in self._blamed(method, binding, reason):
                    error = DarkroomError(reason, self.meaning(reason), field=blamed, metadata={"kind": kind} if kind else None)
                    status, _ = render_error(self.surface, error)
                    by_status[status].append(error)
        limit, said = catalogue.max_request_bytes(method), self._said(method) if self.surface.over_http else {}
        return {
            str(status): self._response(by_status[status], limit, said.get(status, ())) for status in sorted(by_status.keys() | said.keys())
        }

    def _blamed(self, method: MethodDescriptor, binding: HttpBinding, reason: ErrorReason) -> list[str | None]:
        """A missing thing is blamed on the path if that names it, else on a field; but on none where a repeated call finds that its result
        was deleted."""
        if any(named in binding.template for named in _NAMED_BY_PATHS):
            return [None]
        gone = reason is ErrorReason.FILE_NOT_FOUND and _DELETED_SINCE in self.comments.of(method.full_name)
        return ["…", None] if gone else ["…"]

    def _may_be_a_session(self, method: MethodDescriptor) -> bool:
        """Whether a session may call that has to change its password first. A surface over HTTP says itself what becomes of one."""
        takes_sessions = any(_SESSION in key.prefixes for key in self.surface.keys) and not self.surface.over_http
        any_will_do = catalogue.is_anonymous(method) or scope_of(method) == scope_pb2.SCOPE_ANY
        return takes_sessions and not any_will_do

    def _said(self, method: MethodDescriptor) -> dict[int, list[str]]:
        """The comments about statuses, where a surface has no error codes to name: `with 401 for an unknown name`."""
        found: dict[int, list[str]] = defaultdict(list)
        for full_name in (method.full_name, method.containing_service.full_name):
            for sentence in _SENTENCES.split(self.comments.of(full_name)):
                _, *said = _STATUS.split(sentence)
                for status, about in zip(said[::2], said[1::2], strict=True):
                    clause = _CONJUNCTION.sub("", about).strip(" .;")
                    found[int(status)].append(f"{clause[0].upper()}{clause[1:]}." if clause else sentence)
        for status, about in _BODIES[_kind_of_body(method)].items():
            found[status].append(about)
        return found

    def _kinds(self, reason: ErrorReason) -> list[str]:
        """The kinds of errors with this reason that the surface distinguishes; empty for the others."""
        kinds = self.surface.errors.kinds(reason) if self.surface.errors is not None else []
        return ["", *kinds] if kinds else [""]

    def meaning(self, reason: ErrorReason) -> str:
        """The comment of the reason."""
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

    def _line(self, error: DarkroomError, limit: int) -> str:
        about = f" This call takes at most {limit:,} bytes." if limit and error.reason is ErrorReason.BODY_TOO_LARGE else ""
        code = self.surface.errors.code_of(error) if self.surface.errors is not None else None
        if self.surface.over_http:
            return f"- {self.meaning(error.reason)}{about}"
        names = dict.fromkeys(str(name) for name in (code, error.reason.value.lower()) if name is not None)
        return f"- {' '.join(f'`{name}`' for name in names)}: {self.meaning(error.reason)}{about}"

    def _response(self, errors: Sequence[DarkroomError], limit: int, said: Sequence[str]) -> Schema:
        lines = dict.fromkeys([*(f"- {sentence}" for sentence in said), *(self._line(error, limit) for error in errors)])
        headers: Schema = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
        if any(error.reason.mapping.retry_after_seconds for error in errors):
            headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}
        body: Schema = {}
        if errors:
            _, body["example"] = render_error(self.surface, DarkroomError(errors[0].reason, errors[0].message, metadata=errors[0].metadata))
        if self.surface.errors is not None:
            body = {"schema": self.schemas.reference(self.surface.errors.message, reply=True), **body}
        return {
            "description": "\n".join(lines),
            "headers": headers,
            "content": {"application/json": body},
        }


def _kind_of_body(method: MethodDescriptor) -> str:
    if catalogue.settings_part(method):
        return "settings"
    if catalogue.takes_form(method):
        return "form"
    return "json" if catalogue.takes_body(method) else ""


def _reason(name: str, full_name: str) -> ErrorReason:
    if name not in ErrorReason.__members__:
        raise UndocumentedError(f"{full_name}: {name} is not an ErrorReason")
    return ErrorReason(name)
