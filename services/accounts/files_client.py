"""What accounts asks files for."""

from __future__ import annotations

import grpc

from darkroom.internal.files.v1 import shelf_service_pb2, shelf_service_pb2_grpc
from services.accounts.store.departures import Departure
from services.common.errors import translated
from services.common.rpc.channel import Caller

_SECONDS = 60.0


class Shelves:
    """The libraries of people."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub: shelf_service_pb2_grpc.ShelfServiceAsyncStub = shelf_service_pb2_grpc.ShelfServiceStub(channel)
        self._caller = caller

    async def clear(self, departure: Departure) -> None:
        """Delete all that somebody has in the library. Raises UNAVAILABLE."""
        asked = shelf_service_pb2.ClearShelfRequest(owner_id=departure.public_id)
        with translated():
            await self._stub.ClearShelf(asked, metadata=self._caller.on_behalf_of(departure.account_id), timeout=_SECONDS)
