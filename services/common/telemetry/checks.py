"""Checks for what processes commonly need."""

from __future__ import annotations

import grpc
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.common.bus import Bus
from services.common.telemetry.health import Check


def database(engine: AsyncEngine) -> Check:
    """The database answers."""

    async def probe() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    return Check("database", probe)


def nats(bus: Bus) -> Check:
    """The connection to NATS is up. The client notices by itself when it is not."""

    async def probe() -> None:
        if not bus.client.is_connected:
            raise ConnectionError("not connected")

    return Check("nats", probe)


def service(name: str, channel: grpc.aio.Channel) -> Check:
    """There is a connection to another service."""

    async def probe() -> None:
        await channel.channel_ready()

    return Check(name, probe)
