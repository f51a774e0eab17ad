"""Answers the edge's questions about uploads as it is told to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from ext_authz import ext_authz_pb2 as pb
from ext_authz import ext_authz_pb2_grpc
from services.files.surfaces.edge.authorization import REFUSED_HEADER

Context = grpc.aio.ServicerContext[Any, Any]


class Storekeeper(ext_authz_pb2_grpc.AuthorizationServicer):
    """Lets uploads pass unless there is a `refusal`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what has happened."""
        self.refusal = ""
        self.asked: list[pb.AttributeContext.HttpRequest] = []

    async def Check(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:  # noqa: N802 - an rpc
        self.asked.append(request.attributes.request.http)
        named = [pb.HeaderValueOption(header=pb.HeaderValue(key=REFUSED_HEADER, value=self.refusal))] if self.refusal else []
        return pb.CheckResponse(ok_response=pb.OkHttpResponse(headers=named))


@asynccontextmanager
async def storekeeping(address: str) -> AsyncIterator[Storekeeper]:
    """One at an address, with nothing around it."""
    keeper, server = Storekeeper(), grpc.aio.server()
    ext_authz_pb2_grpc.add_AuthorizationServicer_to_server(keeper, server)
    server.add_insecure_port(address)
    await server.start()
    try:
        yield keeper
    finally:
        await server.stop(0)
