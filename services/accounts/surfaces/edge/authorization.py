"""envoy.service.auth.v3: Envoy's check before it lets a request through."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from google.rpc import code_pb2, status_pb2

from darkroom.common.v1.surface_pb2 import RATE_LIMIT_HEADERS_UNSPECIFIED, KeyScheme, RateLimitHeaders
from envoy_api.envoy.config.core.v3 import base_pb2
from envoy_api.envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc
from envoy_api.envoy.type.v3 import http_status_pb2
from services.accounts.domain.admission import Admission, Admitted
from services.accounts.domain.keys import is_key
from services.accounts.domain.rate_limits import RateLimited
from services.accounts.surfaces.edge.rate_limit_fields import rate_limit_fields
from services.common.errors import MISSING, DarkroomError, ErrorReason
from services.common.identity import ADDRESS_HEADER, IDENTITY_HEADER
from services.common.rpc import catalogue
from services.common.rpc.surfaces import Surface, error_headers, rendered
from services.common.rpc.trace import TRACE_HEADER

Context = grpc.aio.ServicerContext[Any, Any]

_OK = status_pb2.Status(code=code_pb2.OK)
_REFUSALS = (ErrorReason.API_KEY_INVALID, ErrorReason.ADDRESS_NOT_ALLOWED, ErrorReason.RATE_LIMITED)


class AuthorizationServicer(external_auth_pb2_grpc.AuthorizationServicer):
    """Lets a request with a valid key through as its account, and refuses any other in the form of the surface it was made to."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def Check(self, request: external_auth_pb2.CheckRequest, context: Context) -> external_auth_pb2.CheckResponse:
        """Answer one check. Raises when the database cannot be reached; Envoy then answers 503."""
        http = request.attributes.request.http
        surface = catalogue.surface_at(http.path)
        secret = presented_key(http.headers, surface)
        try:
            return _admitted(await self._admission.admit(secret, client_address(request)), surface)
        except DarkroomError as error:
            if error.reason not in _REFUSALS:
                raise
            if secret is None and error.reason is ErrorReason.API_KEY_INVALID:
                error = _without_key(error, http.headers, surface)
            return _refused(error, surface, http.headers)


def _admitted(admitted: Admitted, surface: Surface | None) -> external_auth_pb2.CheckResponse:
    """Replace the key, which no service ever sees, with the identity."""
    fields = rate_limit_fields(admitted.standings, _style(surface))
    return external_auth_pb2.CheckResponse(
        status=_OK,
        ok_response=external_auth_pb2.OkHttpResponse(
            headers=[_header(IDENTITY_HEADER, admitted.token)],
            headers_to_remove=catalogue.key_headers(),
            response_headers_to_add=[_header(name, value) for name, value in fields],
        ),
    )


def client_address(request: external_auth_pb2.CheckRequest) -> str:
    """The address of the client as the edge sees it: past as many proxies as it trusts. Empty if it has none."""
    external: str = request.attributes.request.http.headers.get(ADDRESS_HEADER, "")
    return external or request.attributes.source.address.socket_address.address


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
            return secret if secret.startswith(tuple(scheme.prefixes)) and is_key(secret) else None
    return None


def _without_key(error: DarkroomError, headers: Mapping[str, str], surface: Surface | None) -> DarkroomError:
    """Why there is no key to check: nothing was sent, or (`error`) what was sent cannot be one."""
    schemes = _schemes(surface)
    if any(headers.get(scheme.header.lower()) for scheme in schemes):
        return error
    ways = dict.fromkeys(f"{scheme.header}: {f'{scheme.scheme} ' if scheme.scheme else ''}…" for scheme in schemes)
    return DarkroomError(error.reason, f"No API key was sent. Send it in a header: {' or '.join(ways)}", metadata={"kind": MISSING})


def _schemes(surface: Surface | None) -> Sequence[KeyScheme]:
    return surface.keys if surface is not None else [key for one in catalogue.surfaces() for key in one.keys]


def _style(surface: Surface | None) -> RateLimitHeaders.ValueType:
    return surface.rate_limit_headers if surface is not None else RATE_LIMIT_HEADERS_UNSPECIFIED


def _refused(error: DarkroomError, surface: Surface | None, sent: Mapping[str, str]) -> external_auth_pb2.CheckResponse:
    headers = [_header("retry-after", str(error.advised_wait))] if error.advised_wait is not None else []
    if isinstance(error, RateLimited):
        headers += [_header(name, value) for name, value in rate_limit_fields([error.standing], _style(surface), exceeded=True)]
    if sent.get("content-type", "").startswith("application/grpc"):
        # The body becomes the message. Without a status, Envoy would make one of the HTTP status: UNAVAILABLE of 429.
        headers.append(_header("grpc-status", str(error.grpc_code.value[0])))
        headers.append(_header("grpc-status-details-bin", base64.b64encode(error.status().SerializeToString()).decode()))
        status, body = error.http_status, error.message
    else:
        request_id = sent.get(TRACE_HEADER, "")
        status, content = rendered(surface, error, request_id)
        headers += [_header(name, value) for name, value in error_headers(surface, error, request_id)]
        body = json.dumps(content, separators=(",", ":"))
        headers.append(_header("content-type", "application/json"))
        words = dict.fromkeys(scheme.scheme for scheme in _schemes(surface) if scheme.scheme)
        if words and error.reason is ErrorReason.API_KEY_INVALID:
            headers.append(_header("www-authenticate", ", ".join(words)))
    denied = external_auth_pb2.DeniedHttpResponse(headers=headers, body=body)
    denied.status.code = http_status_pb2.StatusCode.ValueType(status)
    return external_auth_pb2.CheckResponse(status=status_pb2.Status(code=error.grpc_code.value[0]), denied_response=denied)


def _header(key: str, value: str) -> base_pb2.HeaderValueOption:
    return base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(key=key, value=value), append_action=base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    )
