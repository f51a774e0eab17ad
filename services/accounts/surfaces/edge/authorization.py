"""envoy.service.auth.v3: what Envoy asks before it lets a request through."""

from __future__ import annotations

import base64
import json
from functools import lru_cache
from typing import Any

import grpc
from envoy.config.core.v3 import base_pb2
from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc
from envoy.type.v3 import http_status_pb2
from google.rpc import code_pb2, status_pb2

from services.accounts.domain.authentication import KeyAuthenticator
from services.accounts.domain.keys import presented_key
from services.common.errors import DarkroomError, ErrorReason
from services.common.identity import IDENTITY_HEADER
from services.common.rpc import catalogue
from services.common.rpc.surfaces import RENDERERS, neutral

Context = grpc.aio.ServicerContext[Any, Any]

_KEY_HEADERS = ("authorization", "x-api-key")


class AuthorizationServicer(external_auth_pb2_grpc.AuthorizationServicer):  # type: ignore[misc]  # xds-protos has no types
    """Lets a request with a valid key through as its account, and refuses any other in the shape of the surface it was made to."""

    def __init__(self, authenticator: KeyAuthenticator) -> None:
        self._authenticator = authenticator

    async def Check(self, request: external_auth_pb2.CheckRequest, context: Context) -> external_auth_pb2.CheckResponse:
        """One answer. When the database cannot be asked this raises, and Envoy answers 503."""
        http = request.attributes.request.http
        secret = presented_key(http.headers)
        try:
            if secret is None:
                raise DarkroomError(ErrorReason.API_KEY_INVALID, "Invalid token")
            return _admitted(await self._authenticator.token(secret))
        except DarkroomError as error:
            if error.reason is not ErrorReason.API_KEY_INVALID:
                raise
            return _refused(error, http.path, http.headers.get("content-type", ""))


@lru_cache(maxsize=4096)
def _admitted(token: str) -> external_auth_pb2.CheckResponse:
    """The identity goes on in place of the key, which no service ever sees."""
    return external_auth_pb2.CheckResponse(
        status=status_pb2.Status(code=code_pb2.OK),
        ok_response=external_auth_pb2.OkHttpResponse(headers=[_header(IDENTITY_HEADER, token)], headers_to_remove=_KEY_HEADERS),
    )


def _refused(error: DarkroomError, path: str, content_type: str) -> external_auth_pb2.CheckResponse:
    if content_type.startswith("application/grpc"):
        # Envoy makes the HTTP status into UNAUTHENTICATED and the body into its message.
        details = base64.b64encode(error.status().SerializeToString()).decode()
        denied = external_auth_pb2.DeniedHttpResponse(headers=[_header("grpc-status-details-bin", details)], body=error.message)
    else:
        _, body = RENDERERS.get(catalogue.surface_at(path), neutral)(error)
        headers = [_header("content-type", "application/json"), _header("www-authenticate", "Bearer")]
        denied = external_auth_pb2.DeniedHttpResponse(headers=headers, body=json.dumps(body, separators=(",", ":")))
    denied.status.code = http_status_pb2.Unauthorized
    return external_auth_pb2.CheckResponse(status=status_pb2.Status(code=code_pb2.UNAUTHENTICATED), denied_response=denied)


def _header(key: str, value: str) -> base_pb2.HeaderValueOption:
    return base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(key=key, value=value), append_action=base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    )
