"""A process's knowledge of the installation: its own part, served to accounts, and accounts' view of that."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import grpc

from darkroom.internal.system.v1 import part_pb2, system_part_service_pb2_grpc
from darkroom.internal.system.v1 import system_part_service_pb2 as pb
from services.platform.errors import translate_rpc_errors
from services.platform.log import get_logger
from services.platform.rpc.channel import Caller
from services.platform.telemetry.health import Health
from services.platform.version import version

Context = grpc.aio.ServicerContext[Any, Any]
Fill = Callable[[part_pb2.Part], Awaitable[None]]
"""Adds to a part what can be read now. May raise, and take long: what it would have added is missing then."""
ReadPart = Callable[[], Awaitable[part_pb2.Part]]
"""Reads a service's part. Raises UNAVAILABLE."""
ANSWER_SECONDS = 3.0
"""How long a service has for its answer."""
_FILL_SECONDS = 2.0
_logger = get_logger()


class OwnPart:
    """The part of this process. `fills` add what is special to it."""

    def __init__(self, *fills: Fill) -> None:
        self._fills: Sequence[Fill] = fills
        self._health: Health | None = None
        self._began = datetime.now(UTC)

    def watch(self, health: Health) -> None:
        """Also report from now on what the process needs."""
        self._health = health

    def process(self) -> part_pb2.Process:
        """The current state of the process."""
        found = part_pb2.Process(version=version(), host=socket.gethostname(), pid=os.getpid())
        found.start_time.FromDatetime(self._began)
        if self._health is not None:
            found.needs.extend(part_pb2.Need(name=need.name, problem=need.problem) for need in self._health.needs)
            found.stopping = self._health.draining
        return found

    async def read(self) -> part_pb2.Part:
        """All of it that can be read now."""
        part = part_pb2.Part(process=self.process())
        await asyncio.gather(*(self._fill(part, fill) for fill in self._fills))
        return part

    async def _fill(self, part: part_pb2.Part, fill: Fill) -> None:
        try:
            async with asyncio.timeout(_FILL_SECONDS):
                await fill(part)
        except Exception as error:  # noqa: BLE001 - an operator looks here most of all while something is broken
            _logger.warning("system_part_incomplete", error=repr(error))


class SystemPartServicer(system_part_service_pb2_grpc.SystemPartServiceServicer):
    """Reads the process's part."""

    def __init__(self, part: OwnPart) -> None:
        self._part = part

    async def GetPart(self, request: pb.GetPartRequest, context: Context) -> pb.GetPartResponse:  # noqa: N802 - an rpc; see the proto
        return pb.GetPartResponse(part=await self._part.read())


class RemoteSystemPart:
    """The part of another service."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub, self._caller = system_part_service_pb2_grpc.SystemPartServiceStub(channel), caller

    async def read(self) -> part_pb2.Part:
        """Its answer, if it comes in time. Raises UNAVAILABLE, or the error that keeps it from answering."""
        with translate_rpc_errors():
            reply = await self._stub.GetPart(pb.GetPartRequest(), metadata=self._caller.on_behalf_of(0), timeout=ANSWER_SECONDS)
        part: part_pb2.Part = reply.part
        return part
