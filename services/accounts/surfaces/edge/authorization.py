"""envoy.service.auth.v3: Envoy's check before it lets a request through."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import grpc
from google.rpc import code_pb2, status_pb2

from darkroom.common.v1.surface_pb2 import KeyScheme
from envoy_api.envoy.config.core.v3 import base_pb2
from envoy_api.envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc
from envoy_api.envoy.type.v3 import http_status_pb2
from services.accounts.domain.authentication import KeyAuthenticator
from services.accounts.domain.keys import is_key
from services.common.errors import DarkroomError, ErrorReason
from services.common.identity import IDENTITY_HEADER
from services.common.rpc import catalogue
from services.common.rpc.surfaces import Surface, rendered

Context = grpc.aio.ServicerContext[Any, Any]


class AuthorizationServicer(external_auth_pb2_grpc.AuthorizationServicer):
    """Lets a request with a valid key through as its account, and refuses any other in the form of the surface it was made to."""

    def __init__(self, authenticator: KeyAuthenticator) -> None:
        self._authenticator = authenticator

    async def Check(self, request: external_auth_pb2.CheckRequest, context: Context) -> external_auth_pb2.CheckResponse:
        """Answer one check. Raises when the database cannot be reached; Envoy then answers 503."""
        http = request.attributes.request.http
        surface = catalogue.surface_at(http.path)
        secret = presented_key(http.headers, surface)
        try:
            if secret is None:
                raise DarkroomError(ErrorReason.API_KEY_INVALID, "Invalid token")
            return _admitted(await self._authenticator.token(secret))
        except DarkroomError as error:
            if error.reason is not ErrorReason.API_KEY_INVALID:
                raise
            return _refused(error, surface, http.headers.get("content-type", ""))


@lru_cache(maxsize=4096)
def _admitted(token: str) -> external_auth_pb2.CheckResponse:
    """Replace the key, which no service ever sees, with the identity."""
    return external_auth_pb2.CheckResponse(
        status=status_pb2.Status(code=code_pb2.OK),
        ok_response=external_auth_pb2.OkHttpResponse(headers=[_header(IDENTITY_HEADER, token)], headers_to_remove=catalogue.key_headers()),
    )


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


def _schemes(surface: Surface | None) -> Sequence[KeyScheme]:
    return surface.keys if surface is not None else [key for one in catalogue.surfaces() for key in one.keys]


def _refused(error: DarkroomError, surface: Surface | None, content_type: str) -> external_auth_pb2.CheckResponse:
    if content_type.startswith("application/grpc"):
        # Envoy turns the HTTP status into UNAUTHENTICATED and the body into its message.
        details = base64.b64encode(error.status().SerializeToString()).decode()
        denied = external_auth_pb2.DeniedHttpResponse(headers=[_header("grpc-status-details-bin", details)], body=error.message)
        denied.status.code = http_status_pb2.StatusCode.ValueType(error.http_status)
    else:
        status, body = rendered(surface, error)
        headers = [_header("content-type", "application/json")]
        if words := dict.fromkeys(scheme.scheme for scheme in _schemes(surface) if scheme.scheme):
            headers.append(_header("www-authenticate", ", ".join(words)))
        denied = external_auth_pb2.DeniedHttpResponse(headers=headers, body=json.dumps(body, separators=(",", ":")))
        denied.status.code = http_status_pb2.StatusCode.ValueType(status)
    return external_auth_pb2.CheckResponse(status=status_pb2.Status(code=code_pb2.UNAUTHENTICATED), denied_response=denied)


def _header(key: str, value: str) -> base_pb2.HeaderValueOption:
    return base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(key=key, value=value), append_action=base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    )
