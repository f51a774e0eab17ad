"""`python -m services.tasks`: serve, migrate, or administer (see `--help`)."""

from __future__ import annotations

import asyncio
import sys

from darkroom.internal.files.v1 import intake_service_pb2_grpc, storage_service_pb2_grpc
from services.platform.bus import connect
from services.platform.database import open_database
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.identity import Signer
from services.platform.log import get_logger
from services.platform.revocations import Revocations, RevokedWorkers
from services.platform.rpc import catalogue
from services.platform.rpc.channel import Caller, channel
from services.platform.rpc.handing_over import stays_here
from services.platform.rpc.open_call_counts import OpenCallCounts
from services.platform.rpc.open_calls import OpenCalls
from services.platform.serving import Opening, Parts, Service
from services.platform.telemetry import checks
from services.platform.telemetry.reading import PoolGauges, ReadGauges
from services.tasks import cli, surfaces
from services.tasks.assembly import Connections, assemble, event_feed
from services.tasks.config import TasksSettings
from services.tasks.files_client import FilesClient
from services.tasks.store.secret_cipher import SecretUnreadable
from services.tasks.store.secret_sealing import SecretSealing

_logger = get_logger()
_ADVICE = (
    "Put the key back into DARKROOM_WEBHOOK_SECRETS_KEY_FILE, below the others. "
    "If it is lost: python -m services.tasks webhook-secrets --replace-lost"
)


async def compose(settings: TasksSettings, opening: Opening) -> Parts:
    """Build the service."""
    caller = Caller(Signer("tasks", settings.signing_key_file))
    database = await opening.open("database", open_database(settings.database, settings.database_pool))
    bus = await opening.open("nats", connect(settings.nats, "tasks", settings.nats_replicas))
    revocations = await opening.open("revocations", Revocations(bus))
    revoked_workers = await opening.open("revoked workers", RevokedWorkers(bus))
    feed = await opening.open("events", event_feed(bus))
    files = await opening.open("files", channel(settings.files_address, "files", settings.tls))
    storage, intake = storage_service_pb2_grpc.StorageServiceStub(files), intake_service_pb2_grpc.IntakeServiceStub(files)
    client = FilesClient(storage, intake, caller, here=stays_here(files))
    # Keep streams open until other replicas take the calls.
    closing = asyncio.Event()
    calls = OpenCalls(settings.max_streams_per_account, settings.max_streams)
    counts = await opening.open("open calls", OpenCallCounts(bus, "tasks", calls).sharing())
    assembly = assemble(settings, Connections(database, bus, client, feed, revocations, calls), closing)
    return Parts(
        needs=[checks.database(database), checks.nats(bus)],
        loops=[*assembly.loops, counts.loop],
        collectors=[PoolGauges(database.pool), ReadGauges("queue", assembly.gauges.read)],
        internal=assembly.internal,
        revoked_workers=revoked_workers,
        own=assembly.own,
        public=assembly.public,
        open_calls=calls,
        # One listener answers reflection for all public services, including those served elsewhere.
        reflected_services=[service.full_name for service in catalogue.called_services()],
        on_drained=closing.set,
        before_listening=lambda stop: _sealed(assembly.sealing, stop),
    )


async def _sealed(sealing: SecretSealing, stop: asyncio.Event) -> bool:
    """Encrypt webhook secrets that are in plain text or encrypted with an earlier key, as soon as the database can be reached; False if
    `stop` is set first. Without a key that encrypts one of them, the process ends."""
    while not stop.is_set():
        try:
            if count := await sealing.seal():
                _logger.info("webhook_secrets_encrypted", count=count)
        except DarkroomError as error:
            if error.reason is not ErrorReason.UNAVAILABLE:
                raise
            _logger.info("database_not_reached", error=error.message)
            await asyncio.sleep(0.2)
        except SecretUnreadable as error:
            _logger.error("webhook_secrets_unreadable", error=str(error), key_id=error.key_id, advice=_ADVICE)
            raise SystemExit(1) from None
        else:
            return True
    return False


service = Service("tasks", TasksSettings, compose, cli.main, surfaces=surfaces)
serve = service.serve

if __name__ == "__main__":
    sys.exit(service.main())
