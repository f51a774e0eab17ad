"""`python -m services.files`: serve, migrate, or administer (see `--help`)."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from darkroom.files.v1 import files_service_pb2, files_service_pb2_grpc
from darkroom.internal.files.v1 import storage_service_pb2, storage_service_pb2_grpc
from darkroom.rest.v1 import files_pb2, files_pb2_grpc
from services.common import log
from services.common.bus import connected
from services.common.clock import system_clock
from services.common.config import load
from services.common.database import opened
from services.common.identity import Signer, Verifier
from services.common.loop import Loop
from services.common.process import background, run
from services.common.rpc.channel import Caller, channel
from services.common.rpc.server import Mount, listening
from services.common.sandbox import Sandbox
from services.common.telemetry import checks, tracing
from services.common.telemetry.health import Check, Health
from services.common.telemetry.listener import observable
from services.common.telemetry.reading import PoolGauges
from services.files import cli
from services.files.assembly import assemble
from services.files.config import FilesSettings
from services.files.events import TaskEvents
from services.files.objects import object_store
from services.files.probe import Prober
from services.files.surfaces.internal.storage import Storage
from services.files.surfaces.native.files import NativeFiles
from services.files.surfaces.rest.files import RestFiles
from services.files.tasks_client import TasksClient

_NATIVE = files_service_pb2.DESCRIPTOR.services_by_name["FilesService"]
_REST = files_pb2.DESCRIPTOR.services_by_name["FilesService"]
# Tasks that end within so many seconds are settled together. One that ends alone does not wait.
_EVENTS_SPACING = 0.1
# Storage may charge for being asked.
_STORAGE_SECONDS = 10.0
_STORAGE = storage_service_pb2.DESCRIPTOR.services_by_name["StorageService"]


async def serve(settings: FilesSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then close everything in reverse order."""
    verifier = Verifier(settings.trusted_keys_file)
    caller = Caller(Signer("files", settings.signing_key_file))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings.database_url, settings.database_pool))
        bus = await stack.enter_async_context(connected(settings.nats_url, "files", settings.nats_replicas))
        tasks = TasksClient(await stack.enter_async_context(channel(settings.tasks_address)), caller)
        objects = await stack.enter_async_context(
            object_store(
                settings.s3_endpoint,
                settings.s3_bucket,
                settings.s3_region,
                settings.s3_access_key,
                settings.s3_secret_key.get_secret_value(),
            )
        )
        sandbox = await stack.enter_async_context(Sandbox(preload=["services.files.probe.prober"], concurrency=settings.probe_concurrency))
        files = assemble(settings, database, objects, Prober(sandbox), tasks, system_clock)
        health = Health([checks.database(database.engine), checks.nats(bus), Check("storage", objects.reach, _STORAGE_SECONDS)])
        await stack.enter_async_context(health.watching())
        events = TaskEvents(bus, files.task_files.settle)
        await stack.enter_async_context(
            background(
                files.sweep_loop.run(),
                Loop("sweep_pins", settings.sweep_interval_seconds, files.sweeper.sweep_pins).run(),
                Loop("reconcile", settings.orphan_interval_seconds, files.reconciler.step).run(),
                Loop("sweep_idempotency", settings.idempotency_sweep_interval_seconds, files.idempotency.sweep).run(),
                Loop("task_events", 0.0, events.step, _EVENTS_SPACING).run(),
            )
        )
        await stack.enter_async_context(observable(settings.metrics_listen, health, [PoolGauges(database.engine)]))
        public = [
            Mount(
                _NATIVE,
                files_service_pb2_grpc.add_FilesServiceServicer_to_server,
                NativeFiles(files.uploads, files.unfinished, files.library),
            ),
            Mount(_REST, files_pb2_grpc.add_FilesServiceServicer_to_server, RestFiles(files.uploads, files.unfinished, files.library)),
        ]
        internal = [Mount(_STORAGE, storage_service_pb2_grpc.add_StorageServiceServicer_to_server, Storage(files.task_files))]
        await stack.enter_async_context(
            listening("internal", settings.internal_listen, internal, verifier, health=health, drain_seconds=settings.drain_calls)
        )
        await stack.enter_async_context(
            listening("public", settings.listen, public, verifier, health=health, drain_seconds=settings.drain_calls)
        )
        await stop.wait()
        await health.drain(settings.drain_notice)


def main() -> int:
    """Run a command, or read the settings and serve; the exit status."""
    if len(sys.argv) > 1:
        return cli.main(sys.argv[1:])
    settings = load(FilesSettings)
    log.configure("files", settings.log_level)
    with tracing.exporting("files", settings.otlp_endpoint, settings.trace_ratio):
        run(lambda stop: serve(settings, stop))
    return 0


if __name__ == "__main__":
    sys.exit(main())
