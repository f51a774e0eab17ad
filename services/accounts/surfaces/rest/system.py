"""`darkroom.rest.v1.SystemService`: `/v1/system`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import grpc

from darkroom.rest.v1 import system_pb2 as pb
from darkroom.rest.v1 import system_pb2_grpc
from services.accounts.domain.home import Home
from services.accounts.domain.system import SystemReport
from services.accounts.surfaces.rest import system_messages as messages
from services.platform.identity import current_identity

Context = grpc.aio.ServicerContext[Any, Any]


class RestSystem(system_pb2_grpc.SystemServiceServicer):
    """For the account that people belong to. `metrics_url` is where the operator's metrics are shown."""

    def __init__(self, report: SystemReport, home: Home, metrics_url: str | None, clock: Callable[[], datetime]) -> None:
        self._report, self._home, self._metrics_url, self._clock = report, home, metrics_url, clock

    async def GetSystem(self, request: pb.GetSystemRequest, context: Context) -> pb.SystemEnvelope:
        """GET /v1/system."""
        await self._home.require(current_identity())
        data = messages.system(await self._report.read())
        data.read_at.FromDatetime(self._clock())
        if self._metrics_url is not None:
            data.metrics_url = self._metrics_url
        return pb.SystemEnvelope(code=200, message="success", data=data)
