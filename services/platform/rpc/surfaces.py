"""Surfaces, as their protos declare them, and how errors are reported to the callers of each.

A servicer raises `DarkroomError`; on its way out it becomes the HTTP status and JSON body that clients of the surface expect. These
travel to the edge as trailers, and the edge's Lua code puts them into the response.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from google.protobuf.descriptor import FileDescriptor

from darkroom.common.v1 import surface_pb2
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc.error_shapes import ErrorShape
from services.platform.rpc.trace import current_trace_id

ERROR_BODY = "x-error-body"
HTTP_STATUS = "x-http-status"
RETRY_AFTER = "retry-after"

Rendering = tuple[int, dict[str, object]]


@dataclass(frozen=True, slots=True)
class Surface:
    """One public API."""

    name: str
    path_prefixes: tuple[str, ...]
    """Below these, paths that no method takes are refused in this surface's form."""
    keys: tuple[surface_pb2.KeyScheme, ...]
    """How callers present their keys; the first scheme found in a request applies."""
    errors: ErrorShape | None
    """None where callers get only a gRPC status."""
    reference: surface_pb2.SurfaceReference
    request_id_prefix: str = ""
    """The prefix of request ids."""
    request_id_header: str = ""
    """A header of every reply, besides `X-Request-Id`, with the same value unless a service sets one of its own; empty for none."""
    request_headers: tuple[str, ...] = ()
    """Headers of requests that web pages may send, besides those with keys."""
    error_headers: tuple[surface_pb2.ErrorHeader, ...] = ()
    """Headers that repeat parts of an error's body."""
    rate_limit_headers: surface_pb2.RateLimitHeaders.ValueType = surface_pb2.RATE_LIMIT_HEADERS_UNSPECIFIED
    over_http: bool = False
    """Whether the gateway answers every path below the prefixes that is no other surface's, whatever the verb."""
    public_prefixes: tuple[str, ...] = ()
    """Below these, no key is needed: a valid one is taken all the same, and a bad one ignored."""
    camel_case: bool = False
    """Whether fields have their names in camel case in JSON."""
    reply_headers: tuple[tuple[str, str], ...] = ()
    """Headers of every reply, names in lower case, with their values."""

    @classmethod
    def declared_in(cls, file: FileDescriptor) -> Surface | None:
        """The surface that the options of a proto file declare; None if they declare none. Raises ValueError for an incomplete one."""
        said = file.GetOptions().Extensions[surface_pb2.declares]
        if not said.name:
            return None
        try:
            body = file.message_types_by_name[said.error_body] if said.error_body else None
            codes = file.enum_types_by_name[said.error_codes] if said.error_codes else None
        except KeyError as missing:
            raise ValueError(f"{file.name}: the surface {said.name} names {missing}, which is not in the file") from None
        errors = ErrorShape(body, codes) if body is not None else None
        return cls(
            said.name,
            tuple(said.path_prefixes),
            tuple(said.keys),
            errors,
            said.reference,
            said.request_id_prefix,
            said.request_id_header.lower(),
            tuple(said.request_headers),
            tuple(said.error_headers),
            said.rate_limit_headers,
            said.over_http,
            tuple(said.public_prefixes),
            said.camel_case,
            tuple((header.name.lower(), header.value) for header in said.reply_headers),
        )

    def code(self, reason: ErrorReason) -> int | str | None:
        """The surface's code for a reason; None if it has no codes of its own."""
        return self.errors.code(reason) if self.errors is not None else None


def render_error(surface: Surface | None, error: DarkroomError, request_id: str | None = None) -> Rendering:
    """HTTP status and JSON body of an error; neutral ones outside any surface or for a surface without an error body. The id is that of the
    call being served if it is not given."""
    if surface is None or surface.errors is None:
        return error.http_status, {"error": {"reason": error.reason.value, "message": error.message}}
    return surface.errors.http_status(error), surface.errors.render(error, current_trace_id() if request_id is None else request_id)


def error_headers(surface: Surface | None, error: DarkroomError, request_id: str | None = None) -> tuple[tuple[str, str], ...]:
    """The headers, names in lower case, in which the surface repeats parts of an error."""
    if surface is None or surface.errors is None:
        return ()
    known = current_trace_id() if request_id is None else request_id
    found = ((header.name.lower(), surface.errors.text(header.holds, error, known)) for header in surface.error_headers)
    return tuple((name, value) for name, value in found if value is not None)


def error_trailers(surface: Surface | None, error: DarkroomError) -> tuple[tuple[str, str], ...]:
    """Trailers that carry the error in the surface's own form; none where callers get only a gRPC status."""
    if surface is None or surface.errors is None:
        return ()
    status, body = render_error(surface, error)
    body_text = json.dumps(body, ensure_ascii=True, separators=(",", ":"))
    trailers = ((HTTP_STATUS, str(status)), (ERROR_BODY, body_text), *error_headers(surface, error))
    return trailers if error.advised_wait is None else (*trailers, (RETRY_AFTER, str(error.advised_wait)))
