"""The errors that Envoy itself produces, in the format of the surface that was called: one table, rendered for each surface."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby
from operator import attrgetter

from services.platform.compatibility import SETTING
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.rpc import catalogue
from services.platform.rpc.surfaces import Surface, error_headers, render_error

_REQUEST_ID = "<request_id>"
"""In replies, stands for the id of the request."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The meaning of Envoy's replies with a status in `low`…`high`."""

    low: int
    high: int
    reason: ErrorReason
    message: str
    keeps_status: bool = False
    """Whether the client sees Envoy's own status instead of the reason's."""
    status: int = 0
    """HTTP status for the client; 0: the reason's, unless Envoy's is kept."""
    details: str = ""
    """Only replies to which Envoy gives these response code details; empty for any."""


FAILURES = (
    Failure(403, 403, ErrorReason.MALFORMED_REQUEST, "Connections cannot be upgraded here.", details="upgrade_failed"),
    # The identity that it would add is one too many.
    Failure(500, 500, ErrorReason.MALFORMED_REQUEST, "The request has too many headers.", status=431, details="ext_authz_invalid"),
    Failure(403, 403, ErrorReason.PERMISSION_DENIED, "This needs a presigned URL."),
    Failure(404, 404, ErrorReason.ROUTE_NOT_FOUND, "No such endpoint."),
    Failure(
        405,
        405,
        ErrorReason.METHOD_NOT_ALLOWED,
        "This endpoint does not support this HTTP method; the Allow header lists those it supports.",
    ),
    Failure(408, 408, ErrorReason.MALFORMED_REQUEST, "The request did not arrive in time.", keeps_status=True),
    Failure(413, 413, ErrorReason.BODY_TOO_LARGE, "The request body is too large."),
    Failure(426, 426, ErrorReason.MALFORMED_REQUEST, "Use HTTP/1.1 or HTTP/2.", keeps_status=True),
    Failure(431, 431, ErrorReason.MALFORMED_REQUEST, "The URL and headers of the request are too large.", keeps_status=True),
    Failure(400, 499, ErrorReason.MALFORMED_REQUEST, "The request is malformed.", keeps_status=True),
    Failure(500, 500, ErrorReason.INTERNAL, "Internal error. Quote the request id when you report it."),
    Failure(501, 501, ErrorReason.MALFORMED_REQUEST, "The only supported transfer encoding is chunked.", keeps_status=True),
    Failure(502, 599, ErrorReason.UNAVAILABLE, "A part of the service cannot be reached. Try again later."),
)
"""The first match counts."""


@dataclass(frozen=True, slots=True)
class Mapper:
    """One entry of Envoy's `local_reply_config`."""

    low: int
    high: int
    grpc: bool
    """True: for gRPC clients, which get a status in place of a body; False: for all others."""
    paths: tuple[str, ...]
    """Only for paths that match one of these regular expressions; empty for any path."""
    status: int
    """HTTP status of the reply; 0 keeps Envoy's."""
    details: str
    """Only replies with these response code details; empty for any."""
    body: str
    """JSON; for gRPC clients, the message."""
    grpc_status: int
    grpc_details: str
    """`grpc-status-details-bin`: base64 of a google.rpc.Status."""
    retry_after: int
    """Seconds for `retry-after`; 0 for none."""
    headers: tuple[tuple[str, str], ...]
    """Others, of the surface's own."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP error. `<request_id>` in its body and headers stands for the id of the request."""

    status: int
    body: str
    retry_after: int
    """Seconds for `retry-after`; 0 for none."""
    headers: tuple[tuple[str, str], ...]
    """Others, of the surface's own."""


@dataclass(frozen=True, slots=True)
class SurfaceErrors:
    """The facts about some paths of one surface for errors.lua."""

    patterns: tuple[str, ...]
    """The paths, as Lua patterns."""
    request_id_prefix: str
    request_id_header: str
    reply_headers: tuple[tuple[str, str], ...]
    """Headers of every reply."""
    fallbacks: dict[int, Reply]
    """Replies for services that failed without details, by the HTTP status that the gRPC status maps to."""
    otherwise: Reply
    malformed_body: dict[str, Reply]
    """Replies for unreadable bodies, with the placeholders `"<message>"`, `"<field>"` and `"<allowed>"` for strings; keyed by the last of
    these that the reply contains."""


def mappers() -> list[Mapper]:
    """Entries that cover every local reply with a status of 400 or more; the first match counts."""
    found = [_mapper(failure, (), None, grpc=True) for failure in FAILURES]
    for (surface, off), rules in _rules_by_surface():
        paths = tuple(rule.regex for rule in rules)
        found += [_mapper(_told(failure, off), paths, surface) for failure in FAILURES]
    return found + [_mapper(failure, (), None) for failure in FAILURES]


def surface_errors() -> list[SurfaceErrors]:
    """Errors of every surface; the first entry whose pattern matches a path counts."""
    return [
        _surface_errors(tuple(chain.from_iterable(rule.template.lua for rule in rules)), surface)
        for (surface, _), rules in _rules_by_surface()
        if surface is not None
    ]


def upload_refusals() -> dict[str, Reply]:
    """The refusals of presigned.lua, by the names that it, and files (services/files/domain/arrivals.py), use."""
    longer = "The body is longer than this URL allows: the file is too large, or it exceeds the announced size and the quota."
    ended = "This upload has ended: its file was completed, used, deleted or given up. Nothing of this was stored."
    too_many = "Several PUTs to this URL have not ended yet. One whose connection has broken ends within a minute. Try again then."
    disk_full = "The server's disk is nearly full, so it accepts no uploads. Try again later."
    return {
        "expired": _reply(DarkroomError(ErrorReason.PERMISSION_DENIED, "This URL has expired. Ask for a new one."), None),
        "too_long": _reply(DarkroomError(ErrorReason.BODY_TOO_LARGE, longer), None),
        "too_large": _reply(_error(413), None),
        "unsigned": _reply(DarkroomError(ErrorReason.PERMISSION_DENIED, "This URL's signature is wrong. Use a URL as it was given."), None),
        "ended": replace(_reply(DarkroomError(ErrorReason.UPLOAD_NOT_FOUND, ended), None), status=404),
        "busy": _reply(DarkroomError(ErrorReason.UNAVAILABLE, "Bytes that were sent before are being discarded. Try again."), None),
        "no_length": replace(_reply(DarkroomError(ErrorReason.MALFORMED_REQUEST, "Send the length: Content-Length."), None), status=411),
        "disk_full": _reply(DarkroomError(ErrorReason.DISK_FULL, disk_full), None),
        "too_many": _reply(DarkroomError(ErrorReason.TOO_MANY_STREAMS, too_many), None),
    }


def absent_objects() -> dict[str, Reply]:
    """The replies to clients of the gateway's surfaces where storage lacks the object that it led them to, by the surfaces' names."""
    error = DarkroomError(ErrorReason.FILE_NOT_FOUND, "File not found")
    return {surface.name: _reply(error, surface) for surface in catalogue.surfaces() if surface.over_http}


def _rules_by_surface() -> list[tuple[tuple[Surface | None, Surface | None], list[catalogue.SurfaceRule]]]:
    """The rules of paths in their order, those of one surface, and of one that is off, that follow one another together: Envoy keeps its
    replies for each entry."""
    return [(surfaces, list(rules)) for surfaces, rules in groupby(catalogue.surface_rules(), key=attrgetter("surface", "off"))]


def _told(failure: Failure, off: Surface | None) -> Failure:
    """The failure, worded for the paths of a surface that is off."""
    if off is None or failure.reason is not ErrorReason.ROUTE_NOT_FOUND:
        return failure
    hint = f"No such endpoint: the compatibility surface {off.name} is off. The operator switches it on by adding {off.name} to {SETTING}."
    return replace(failure, message=hint)


def _surface_errors(patterns: tuple[str, ...], surface: Surface) -> SurfaceErrors:
    unavailable = _reply(_error(503), surface)
    malformed = partial(DarkroomError, ErrorReason.MALFORMED_REQUEST, "<message>")
    errors = {"message": malformed(), "field": malformed(field="<field>"), "allowed": malformed(field="<field>", allowed=["<allowed>"])}
    return SurfaceErrors(
        patterns=patterns,
        request_id_prefix=surface.request_id_prefix,
        request_id_header=surface.request_id_header,
        reply_headers=surface.reply_headers,
        # 499: a call was cancelled, and not by its client, which would not see the reply: the service is stopping.
        fallbacks={499: unavailable, 501: _reply(_error(404), surface), 503: unavailable, 504: unavailable},
        otherwise=_reply(_error(500), surface),
        malformed_body={part: _reply(error, surface) for part, error in errors.items()},
    )


def _mapper(failure: Failure, paths: tuple[str, ...], surface: Surface | None, *, grpc: bool = False) -> Mapper:
    error = DarkroomError(failure.reason, failure.message)
    reply = _reply(error, surface)
    headers = (*reply.headers, *(surface.reply_headers if surface is not None else ()))
    return Mapper(
        low=failure.low,
        high=failure.high,
        grpc=grpc,
        paths=paths,
        status=failure.status or (0 if failure.keeps_status else reply.status),
        details=failure.details,
        body=_formatted(failure.message if grpc else reply.body),
        grpc_status=failure.reason.mapping.grpc,
        grpc_details=base64.b64encode(error.status().SerializeToString()).decode(),
        retry_after=error.advised_wait or 0,
        headers=() if grpc else tuple((name, _formatted(value)) for name, value in headers),
    )


def _formatted(text: str) -> str:
    """For Envoy's formatter, which reads % as the start of a command."""
    return text.replace("%", "%%").replace(_REQUEST_ID, "%REQ(X-REQUEST-ID)%")


def _error(status: int) -> DarkroomError:
    failure = next(failure for failure in FAILURES if not failure.details and failure.low <= status <= failure.high)
    return DarkroomError(failure.reason, failure.message)


def _reply(error: DarkroomError, surface: Surface | None) -> Reply:
    status, body = render_error(surface, error, _REQUEST_ID)
    headers = error_headers(surface, error, _REQUEST_ID)
    return Reply(status, json.dumps(body, ensure_ascii=False, separators=(",", ":")), error.advised_wait or 0, headers)
