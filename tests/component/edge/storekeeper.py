"""Answers the edge's questions about uploads as it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc

from ext_authz import ext_authz_pb2 as pb
from ext_authz import ext_authz_pb2_grpc
from ext_proc import ext_proc_pb2_grpc
from services.files.domain.arrivals import PutRefusal, UploadPut
from services.files.surfaces.edge import put_metadata
from services.files.surfaces.edge.authorization import REFUSED_HEADER
from services.files.surfaces.edge.processing import UploadProcessor
from services.platform.errors import DarkroomError, ErrorReason

Context = grpc.aio.ServicerContext[Any, Any]


class Puts:
    """Stands for `RunningPuts`."""

    def __init__(self) -> None:
        self.refuses: PutRefusal | None = None
        self.open = True
        """Whether the upload is still open when its PUT has been stored."""
        self.away = False
        """Whether files cannot say."""
        self.began: list[UploadPut] = []
        self.stored_ones: list[UploadPut] = []
        self.running_ones: list[asyncio.Event] = []

    def refusal(self, put: UploadPut) -> PutRefusal | None:
        return self.refuses

    @contextmanager
    def running(self, put: UploadPut) -> Iterator[asyncio.Event]:
        ended = asyncio.Event()
        self.began.append(put)
        self.running_ones.append(ended)
        try:
            yield ended
        finally:
            self.running_ones.remove(ended)

    async def stored(self, put: UploadPut) -> bool:
        self.stored_ones.append(put)
        if self.away:
            raise DarkroomError(ErrorReason.UNAVAILABLE, "away")
        return self.open

    async def run(self, number: int) -> None:
        """Return once so many run."""
        async with asyncio.timeout(20):
            while len(self.running_ones) != number:
                await asyncio.sleep(0.01)


class Storekeeper(ext_authz_pb2_grpc.AuthorizationServicer):
    """Lets uploads pass unless there is a `refusal`, and keeps what it was asked. With `put`, it says that this is the upload's."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what has happened."""
        self.refusal = ""
        self.put: UploadPut | None = None
        self.asked: list[pb.AttributeContext.HttpRequest] = []
        self.puts = Puts()

    async def Check(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:  # noqa: N802 - an rpc
        self.asked.append(request.attributes.request.http)
        named = [pb.HeaderValueOption(header=pb.HeaderValue(key=REFUSED_HEADER, value=self.refusal))] if self.refusal else []
        told = put_metadata.of(self.put) if self.put is not None else None
        return pb.CheckResponse(ok_response=pb.OkHttpResponse(headers=named), dynamic_metadata=told)


class Processor(ext_proc_pb2_grpc.ExternalProcessorServicer):
    """The service's own, over what a storekeeper has been told."""

    def __init__(self, keeper: Storekeeper) -> None:
        self._keeper = keeper

    async def Process(self, requests: Any, context: Context) -> AsyncIterator[Any]:  # noqa: N802 - an rpc
        async for response in UploadProcessor(self._keeper.puts).Process(requests, context):
            yield response


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
