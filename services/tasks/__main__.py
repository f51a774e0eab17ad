"""`python -m services.tasks`: serve, migrate, or administer (see `--help`)."""

from __future__ import annotations

import asyncio
import sys

from darkroom.internal.files.v1 import storage_service_pb2_grpc
from services.common.bus import connected
from services.common.database import Database
from services.common.db import engine
from services.common.idempotency import IdempotencyRecords
from services.common.identity import Signer
from services.common.revocations import Revocations
from services.common.rpc import catalogue
from services.common.rpc.channel import Caller, channel
from services.common.serving import Opening, Parts, Service
from services.common.telemetry import checks
from services.common.telemetry.reading import PoolGauges, ReadGauges
from services.tasks import cli
from services.tasks.assembly import assemble, lanes
from services.tasks.config import TasksSettings
from services.tasks.domain.clock import system_clock
from services.tasks.domain.owner.event_feed import EventFeed
from services.tasks.domain.retention.sweeping import RetentionSweeper, rules
from services.tasks.files_client import FilesClient
from services.tasks.monitoring.gauges import QueueGauges
from services.tasks.store.batches import BatchStore
from services.tasks.store.ledger import LedgerStore
from services.tasks.store.tasks import TaskStore
from services.tasks.store.webhooks import WebhookStore


async def compose(settings: TasksSettings, opening: Opening) -> Parts:
    """Put the service together."""
    caller = Caller(Signer("tasks", settings.signing_key_file))
    database = await opening.open("database", engine(settings.database_url, settings.database_pool))
    bus = await opening.open("nats", connected(settings.nats_url, "tasks", settings.nats_replicas))
    revocations = await opening.open("revocations", Revocations(bus))
    feed = await opening.open("events", EventFeed(bus))
    storage = storage_service_pb2_grpc.StorageServiceStub(await opening.open("files", channel(settings.files_address)))
    # Open streams go on until others take the calls.
    closing = asyncio.Event()
    assembly = assemble(
        settings,
        TaskStore(database),
        LedgerStore(database),
        WebhookStore(database),
        BatchStore(database),
        IdempotencyRecords(Database(database), system_clock),
        RetentionSweeper(database, rules(settings), system_clock),
        bus,
        FilesClient(storage, caller),
        feed,
        revocations,
        system_clock,
        closing,
    )
    return Parts(
        needs=[checks.database(database), checks.nats(bus)],
        loops=assembly.loops,
        collectors=[PoolGauges(database), ReadGauges("queue", QueueGauges(database, lanes(), system_clock).read)],
        internal=assembly.internal,
        public=assembly.public,
        # One listener answers reflection for all public services, wherever they are served.
        reflected=[service.full_name for service in catalogue.public_services()],
        drained=closing.set,
    )


service = Service("tasks", TasksSettings, compose, cli.main)
serve = service.serve

if __name__ == "__main__":
    sys.exit(service.main())
