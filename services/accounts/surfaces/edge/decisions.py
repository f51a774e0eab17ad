"""Whether a request passes the edge, and what its client gets if it does not: the same in whichever way the edge asks."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from darkroom.common.v1.surface_pb2 import RATE_LIMIT_HEADERS_UNSPECIFIED, RATE_LIMIT_HEADERS_X_SECONDS, KeyScheme, RateLimitHeaders
from services.accounts.domain.admission import Admission
from services.accounts.domain.anonymous import is_for_people
from services.accounts.domain.keys import prefix_of
from services.accounts.domain.rate_limits import RateLimited
from services.accounts.surfaces.edge.rate_limit_fields import Fields, rate_limit_fields
from services.platform.errors import MISSING, DarkroomError, ErrorReason
from services.platform.rpc import catalogue
from services.platform.rpc.surfaces import Surface, error_headers, render_error
from services.platform.rpc.trace import TRACE_HEADER

_REFLECTION = "/grpc.reflection."
_REFLECTION_HINT = ". Server reflection needs it, too: `grpcurl -H`, or `buf curl -H … --reflect-header '*'`."
_REFUSALS = (ErrorReason.API_KEY_INVALID, ErrorReason.ADDRESS_NOT_ALLOWED, ErrorReason.RATE_LIMITED)
# Characters that gRPC does not change in a message: printable ASCII without the percent sign.
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


@dataclass(frozen=True, slots=True)
class Pass:
    """A request that passes."""

    token: str
    """The identity of its caller, which takes the place of its key; empty for nobody."""
    fields: Fields
    """Headers for the client, with what is left of its limits."""
    bad_key: bool = False
    """A key was sent that is ignored."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that does not, and the reply that its client gets, in the form of the surface that it called."""

    code: int
    """A gRPC status."""
    status: int
    """An HTTP status; a gRPC client gets 200 in its place."""
    fields: Fields
    """Headers, names in lower case."""
    body: str
    """Empty for a gRPC client, whose message is in a header."""


async def decide(admission: Admission, path: str, headers: Mapping[str, str], address: str) -> Pass | Refusal:
    """Decide on a request from an address: its path, a query may follow, and its headers, names in lower case.

    Raises UNAVAILABLE when the database is needed and cannot be reached.
    """
    surface = catalogue.surface_at(path)
    secret = presented_key(headers, surface)
    sent = any(headers.get(scheme.header.lower()) for scheme in _schemes(surface))
    try:
        if admission.without_sign_in and surface is not None and is_for_people(surface):
            admitted = await admission.admit_anyone(address)
        elif _is_public(path, surface):
            admitted = await admission.admit_public(secret, address)
        else:
            admitted = await admission.admit(secret, address, malformed=sent and secret is None)
    except DarkroomError as error:
        if error.reason not in _REFUSALS:
            raise
        if not sent and error.reason is ErrorReason.API_KEY_INVALID:
            error = _without_key(error, path, surface)
        told = [] if isinstance(error, RateLimited) else _told_to_nobody(admission, surface, address)
        return _refused(error, surface, headers, told)
    fields = rate_limit_fields(admitted.standings, _style(surface)) if admitted.token else _told_to_nobody(admission, surface, address)
    return Pass(admitted.token, fields, bad_key=sent and not admitted.token)


def presented_key(headers: Mapping[str, str], surface: Surface | None) -> str | None:
    """The key in a request's headers (names in lower case), as callers of the surface present it; outside of any surface, as callers of any
    surface do.

    The first header that is present, with the required word before the key if there is one, applies. None when there is no such header,
    or when its content cannot be a key.
    """
    for scheme in _schemes(surface):
        value, word = headers.get(scheme.header.lower(), ""), f"{scheme.scheme} " if scheme.scheme else ""
        if value and value[: len(word)].lower() == word.lower():
            secret = value[len(word) :].strip()
            return secret if prefix_of(secret) in scheme.prefixes else None
    return None


def _told_to_nobody(admission: Admission, surface: Surface | None, address: str) -> Fields:
    """The limits of their address for callers without a valid key, where a surface's clients read that in every reply."""
    style = _style(surface)
    return rate_limit_fields(admission.standings_of(address), style) if style == RATE_LIMIT_HEADERS_X_SECONDS else ()


def _is_public(path: str, surface: Surface | None) -> bool:
    """Whether a request of a surface needs no key, by its path."""
    bare = path.partition("?")[0]
    if surface is None or not surface.over_http:
        return bare in catalogue.anonymous_rpcs()
    return any(bare == prefix or bare.startswith(f"{prefix}/") for prefix in surface.public_prefixes)


def _without_key(error: DarkroomError, path: str, surface: Surface | None) -> DarkroomError:
    """The error for a request without any key."""
    ways = dict.fromkeys(f"{scheme.header}: {f'{scheme.scheme} ' if scheme.scheme else ''}…" for scheme in _schemes(surface))
    hint = _REFLECTION_HINT if path.startswith(_REFLECTION) else ""
    return DarkroomError(error.reason, f"No API key was sent. Send it in a header: {' or '.join(ways)}{hint}", metadata={"kind": MISSING})


def _schemes(surface: Surface | None) -> Sequence[KeyScheme]:
    return surface.keys if surface is not None else [key for one in catalogue.surfaces() for key in one.keys]


def _style(surface: Surface | None) -> RateLimitHeaders.ValueType:
    return surface.rate_limit_headers if surface is not None else RATE_LIMIT_HEADERS_UNSPECIFIED


def _refused(error: DarkroomError, surface: Surface | None, sent: Mapping[str, str], told: Fields) -> Refusal:
    fields = [*told, *([("retry-after", str(error.advised_wait))] if error.advised_wait is not None else [])]
    if isinstance(error, RateLimited):
        fields += rate_limit_fields([error.standing], _style(surface), exceeded=True)
    code: int = error.grpc_code.value[0]
    if sent.get("content-type", "").startswith("application/grpc"):
        # Without a status, Envoy would make one of the HTTP status: UNAVAILABLE of 429.
        fields += [("grpc-status", str(code)), ("grpc-message", quote(error.message, safe=_PLAIN))]
        fields.append(("grpc-status-details-bin", base64.b64encode(error.status().SerializeToString()).decode()))
        return Refusal(code, error.http_status, fields, "")
    request_id = sent.get(TRACE_HEADER, "")
    status, content = render_error(surface, error, request_id)
    # A message may hold a line break, and a header may not.
    fields += [(name, " ".join(value.splitlines())) for name, value in error_headers(surface, error, request_id)]
    fields.append(("content-type", "application/json"))
    words = dict.fromkeys(scheme.scheme for scheme in _schemes(surface) if scheme.scheme)
    if words and error.reason is ErrorReason.API_KEY_INVALID:
        fields.append(("www-authenticate", ", ".join(words)))
    return Refusal(code, status, fields, json.dumps(content, separators=(",", ":")))
