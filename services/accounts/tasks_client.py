"""What accounts asks tasks for."""

from __future__ import annotations

import grpc

from darkroom.internal.tasks.v1 import departure_service_pb2, departure_service_pb2_grpc
from services.accounts.store.departures import Departure
from services.platform.errors import translated
from services.platform.rpc.channel import Caller

_SECONDS = 60.0


class SavedPipelines:
    """The saved pipelines of people."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub: departure_service_pb2_grpc.DepartureServiceAsyncStub = departure_service_pb2_grpc.DepartureServiceStub(channel)
        self._caller = caller

    async def clear(self, departure: Departure) -> None:
        """Delete all that somebody has saved. Raises UNAVAILABLE."""
        asked = departure_service_pb2.ClearPipelinesRequest(owner_id=departure.public_id)
        with translated():
            await self._stub.ClearPipelines(asked, metadata=self._caller.on_behalf_of(departure.account_id), timeout=_SECONDS)
