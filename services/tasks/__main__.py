"""`python -m services.tasks`: serve, migrate, or administer (see `--help`)."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from darkroom.internal.files.v1 import storage_service_pb2_grpc
from services.common import log, process
from services.common.bus import connected
from services.common.config import load
from services.common.db import engine
from services.common.identity import Signer, Verifier
from services.common.revocations import Revocations
from services.common.rpc import catalogue
from services.common.rpc.channel import Caller, channel
from services.common.rpc.server import listening
from services.common.telemetry import checks, tracing
from services.common.telemetry.health import Health
from services.common.telemetry.listener import observable
from services.common.telemetry.reading import PoolGauges, ReadGauges
from services.tasks import cli
from services.tasks.assembly import Connections, assemble, event_feed
from services.tasks.config import TasksSettings
from services.tasks.files_client import FilesClient

_NAME = "tasks"


async def serve(settings: TasksSettings, stop: asyncio.Event) -> None:
    """Run the service until `stop` is set. What is opened last is closed first."""
    verifier = Verifier(settings.trusted_keys_file)
    caller = Caller(Signer(_NAME, settings.signing_key_file))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(engine(settings.database_url, settings.database_pool))
        bus = await stack.enter_async_context(connected(settings.nats_url, _NAME, settings.nats_replicas))
        revocations = await stack.enter_async_context(Revocations(bus))
        feed = await stack.enter_async_context(event_feed(bus))
        storage = storage_service_pb2_grpc.StorageServiceStub(await stack.enter_async_context(channel(settings.files_address)))
        # Open streams go on until others take the calls.
        closing = asyncio.Event()
        opened = Connections(database, bus, FilesClient(storage, caller), feed, revocations)
        parts = assemble(settings, opened, closing)
        health = Health([checks.database(database), checks.nats(bus)])
        await stack.enter_async_context(health.watching())
        await stack.enter_async_context(process.background(*(loop.run() for loop in parts.loops)))
        gauges = ReadGauges("queue", parts.gauges.read)
        await stack.enter_async_context(observable(settings.metrics_listen, health, [PoolGauges(database), gauges]))
        await stack.enter_async_context(
            listening("internal", settings.internal_listen, parts.internal, verifier, health=health, drain_seconds=settings.drain_calls)
        )
        # One listener answers reflection for all public services, wherever they are served.
        names = [service.full_name for service in catalogue.public_services()]
        await stack.enter_async_context(
            listening("public", settings.listen, parts.public, verifier, names, health=health, drain_seconds=settings.drain_calls)
        )
        await stop.wait()
        await health.drain(settings.drain_notice)
        closing.set()


def main() -> int:
    """Run a command, or read the settings and serve; the exit status."""
    if len(sys.argv) > 1:
        return cli.main(sys.argv[1:])
    settings = load(TasksSettings)
    log.configure(_NAME, settings.log_level)
    with tracing.exporting(_NAME, settings.otlp_endpoint, settings.trace_ratio):
        process.run(lambda stop: serve(settings, stop))
    return 0


if __name__ == "__main__":
    sys.exit(main())
