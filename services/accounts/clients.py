"""The requests of accounts to other services."""

from __future__ import annotations

from datetime import timedelta

import grpc

from darkroom.internal.files.v1 import retention_service_pb2, retention_service_pb2_grpc, shelf_service_pb2, shelf_service_pb2_grpc
from darkroom.internal.tasks.v1 import departure_service_pb2, departure_service_pb2_grpc
from services.accounts.store.departures import Departure
from services.platform.errors import translate_rpc_errors
from services.platform.rpc.channel import Caller

_SECONDS = 60.0


class Shelves:
    """The libraries of people."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub: shelf_service_pb2_grpc.ShelfServiceAsyncStub = shelf_service_pb2_grpc.ShelfServiceStub(channel)
        self._caller = caller

    async def clear(self, departure: Departure) -> None:
        """Delete all that somebody has in the library. Raises UNAVAILABLE."""
        asked = shelf_service_pb2.ClearShelfRequest(owner_id=departure.public_id)
        with translate_rpc_errors():
            await self._stub.ClearShelf(asked, metadata=self._caller.on_behalf_of(departure.account_id), timeout=_SECONDS)


class FilesOfSurface:
    """Files that are made through one API."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller, surface: str) -> None:
        self._stub: retention_service_pb2_grpc.RetentionServiceAsyncStub = retention_service_pb2_grpc.RetentionServiceStub(channel)
        self._caller, self._surface = caller, surface

    async def set_max_age(self, account_id: int, age: timedelta | None) -> None:
        """How old those of an account may get; None: as old as its other files. Raises UNAVAILABLE."""
        asked = retention_service_pb2.SetMaxAgeRequest(surface=self._surface)
        if age is not None:
            asked.max_age.FromTimedelta(age)
        with translate_rpc_errors():
            await self._stub.SetMaxAge(asked, metadata=self._caller.on_behalf_of(account_id), timeout=_SECONDS)


class SavedPipelines:
    """The saved pipelines of people."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub: departure_service_pb2_grpc.DepartureServiceAsyncStub = departure_service_pb2_grpc.DepartureServiceStub(channel)
        self._caller = caller

    async def clear(self, departure: Departure) -> None:
        """Delete all that somebody has saved. Raises UNAVAILABLE."""
        asked = departure_service_pb2.ClearPipelinesRequest(owner_id=departure.public_id)
        with translate_rpc_errors():
            await self._stub.ClearPipelines(asked, metadata=self._caller.on_behalf_of(departure.account_id), timeout=_SECONDS)
