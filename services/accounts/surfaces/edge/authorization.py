"""envoy.service.auth.v3: how an edge of the version before asks about a request, so that it can be replaced after accounts."""

from __future__ import annotations

from typing import Any

import grpc
from google.rpc import code_pb2, status_pb2

from envoy_api.envoy.config.core.v3 import base_pb2
from envoy_api.envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc
from envoy_api.envoy.type.v3 import http_status_pb2
from services.accounts.domain.admission import Admission
from services.accounts.surfaces.edge.decisions import Passed, decide
from services.accounts.surfaces.edge.rate_limit_fields import Fields
from services.platform.identity import ADDRESS_HEADER, IDENTITY_HEADER
from services.platform.rpc import catalogue

Context = grpc.aio.ServicerContext[Any, Any]


class AuthorizationServicer(external_auth_pb2_grpc.AuthorizationServicer):
    """Answers as the listener for the edge does (`listener.py`)."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission

    async def Check(self, request: external_auth_pb2.CheckRequest, context: Context) -> external_auth_pb2.CheckResponse:
        """Answer one check. Raises when the database cannot be reached; Envoy then answers 503."""
        http = request.attributes.request.http
        address = http.headers.get(ADDRESS_HEADER, "") or request.attributes.source.address.socket_address.address
        decision = await decide(self._admission, http.path, http.headers, address)
        if isinstance(decision, Passed):
            passed = external_auth_pb2.OkHttpResponse(
                headers=_options([(IDENTITY_HEADER, decision.token)] if decision.token else []),
                headers_to_remove=catalogue.key_headers(),
                response_headers_to_add=_options(decision.fields),
            )
            return external_auth_pb2.CheckResponse(status=status_pb2.Status(code=code_pb2.OK), ok_response=passed)
        denied = external_auth_pb2.DeniedHttpResponse(headers=_options(decision.fields), body=decision.body)
        denied.status.code = http_status_pb2.StatusCode.ValueType(decision.status)
        return external_auth_pb2.CheckResponse(status=status_pb2.Status(code=decision.code), denied_response=denied)


def _options(fields: Fields) -> list[base_pb2.HeaderValueOption]:
    return [
        base_pb2.HeaderValueOption(
            header=base_pb2.HeaderValue(key=key, value=value), append_action=base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
        )
        for key, value in fields
    ]
