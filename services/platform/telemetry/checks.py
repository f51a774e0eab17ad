"""Checks for what processes commonly need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from services.platform.bus import Bus
from services.platform.telemetry.health import Check, NotThereError

if TYPE_CHECKING:
    # Not loaded in processes without a database: it takes a quarter of their start.
    from services.platform.database import Database

_DATABASE_SECONDS = 2.0


def database(database: Database) -> Check:
    """The database answers."""

    async def probe() -> None:
        await database.answers()

    return Check("database", probe, _DATABASE_SECONDS)


def nats(bus: Bus) -> Check:
    """The connection to NATS is up. The client notices by itself when it is not."""

    async def probe() -> None:
        if not bus.client.is_connected:
            raise NotThereError("not connected")

    return Check("nats", probe)


def service(name: str, channel: grpc.aio.Channel) -> Check:
    """There is a connection to another service."""

    async def probe() -> None:
        await channel.channel_ready()

    return Check(name, probe)
