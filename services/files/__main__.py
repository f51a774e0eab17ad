"""`python -m services.files`: serve, migrate, or administer (see `--help`)."""

from __future__ import annotations

import sys

from services.files import cli
from services.files.assembly import assemble, probing_children
from services.files.config import FilesSettings
from services.files.domain.pictures.keys import PictureKeys
from services.files.domain.running_puts import INTERVAL_SECONDS as PUTS_SECONDS
from services.files.domain.thumbnails import Thumbnails
from services.files.events import TaskEvents
from services.files.object_client import store_of
from services.files.prober import Prober
from services.files.store.backups import Backups
from services.files.surfaces.edge.authorization import UploadAuthorization
from services.files.surfaces.edge.processing import UploadProcessor
from services.files.surfaces.internal.intake import Intake
from services.files.surfaces.internal.pictures import InternalPictures
from services.files.surfaces.internal.storage import Retention, ShelfOfAccount, Storage
from services.files.surfaces.native.files import NativeFiles
from services.files.surfaces.native.library import NativeLibrary
from services.files.surfaces.native.picture_keys import NativePictureKeys
from services.files.surfaces.rest.files import RestFiles
from services.files.surfaces.rest.library import RestLibrary
from services.files.surfaces.rest.picture_keys import RestPictureKeys
from services.files.tasks_client import TasksClient
from services.platform.account_usage import UsagePartServicer
from services.platform.audit.log import SWEEP_SECONDS as AUDIT_SWEEP_SECONDS
from services.platform.audit.log import AuditLog
from services.platform.audit.part import AuditPartServicer
from services.platform.bus import connect
from services.platform.clock import system_clock
from services.platform.database import open_database
from services.platform.disk import INTERVAL_SECONDS as DISK_SECONDS
from services.platform.identity import Signer
from services.platform.loop import Loop
from services.platform.object_http import object_http
from services.platform.object_writing import ObjectWriter
from services.platform.revocations import RevokedWorkers
from services.platform.rpc.channel import Caller, channel
from services.platform.rpc.server import Mount
from services.platform.sandbox import Sandbox
from services.platform.serving import Opening, Parts, Service
from services.platform.system_part import OwnPart
from services.platform.telemetry import checks
from services.platform.telemetry.health import Check
from services.platform.telemetry.reading import PoolGauges, ReadGauges

# Tasks that end within this many seconds are settled together. One that ends alone does not wait.
_EVENTS_SPACING = 0.1
# How long the storage may send and take nothing.
_IDLE_SECONDS = 20.0
# Storage may charge for requests.
_STORAGE_SECONDS = 10.0


async def compose(settings: FilesSettings, opening: Opening) -> Parts:
    """Put the service together."""
    signer = Signer("files", settings.signing_key_file)
    caller = Caller(signer)
    database = await opening.open("database", open_database(settings.database, settings.database_pool))
    bus = await opening.open("nats", connect(settings.nats, "files"))
    revoked = await opening.open("revoked workers", RevokedWorkers(bus))
    tasks = TasksClient(await opening.open("tasks", channel(settings.tasks_address, "tasks", settings.tls)), caller)
    objects = await opening.open("storage", store_of(settings))
    sandbox = await opening.open("sandbox", Sandbox(preload=["services.pictures.probe.child"], concurrency=settings.probe_concurrency))
    children = await opening.open("probing", probing_children(settings, sandbox))
    http = await opening.open("transfers", object_http(settings.s3_authorities, _IDLE_SECONDS))
    # Public authorities sign for the operator's other storages, whoever does for the platform's.
    storages_http = await opening.open("storages", object_http(idle_seconds=_IDLE_SECONDS))
    prober, writer = Prober(sandbox, children, http), ObjectWriter(http)
    files = assemble(settings, database, objects, prober, tasks, writer, system_clock, storages_http=storages_http)
    thumbnails = Thumbnails(files.shelf, files.streamed_files, tasks)
    picture_keys = PictureKeys(files.pictures, signer.derived_secret("picture keys"), files.idempotency, system_clock)
    pictures = files.linked_pictures(picture_keys, tasks, settings, system_clock)
    events = TaskEvents(bus, files.task_files.settle)
    audit = AuditLog(database, settings.audit_life, system_clock)
    return Parts(
        needs=[checks.database(database), checks.nats(bus), Check("storage", objects.reach, _STORAGE_SECONDS)],
        loops=[
            files.sweep_loop,
            files.ages_loop,
            files.try_storage_loop,
            Loop("sweep_pins", settings.sweep_interval_seconds, files.sweeper.sweep_pins),
            Loop("sweep_uploads", settings.upload_sweep_interval_seconds, files.reconciler.sweep_uploads),
            Loop("reconcile", settings.orphan_interval_seconds, files.reconciler.step),
            Loop("sweep_idempotency", settings.idempotency_sweep_interval_seconds, files.idempotency.sweep),
            Loop("sweep_bundles", settings.upload_sweep_interval_seconds, files.bundles.sweep),
            Loop("evict_pictures", settings.upload_sweep_interval_seconds, pictures.evict),
            Loop("sweep_library", settings.orphan_interval_seconds, files.shelf.sweep),
            Loop("disk", DISK_SECONDS, files.disk.step),
            Loop("end_puts", PUTS_SECONDS, files.running_puts.step),
            Loop("sweep_audit", AUDIT_SWEEP_SECONDS, audit.sweep),
            *files.watching(storages_http, tasks, system_clock).loops(),
            Loop("task_events", 0.0, events.step, _EVENTS_SPACING, waits=True),
        ],
        collectors=[PoolGauges(database.pool), ReadGauges("backups", Backups(database).read)],
        internal=[
            Mount(Storage(files.task_files, files.remote_task_files, files.finished_runs)),
            Mount(Intake(files.streamed_files, files.imports, files.storages, files.deliveries, files.bundles)),
            Mount(ShelfOfAccount(files.shelf)),
            Mount(Retention(files.ages)),
            Mount(InternalPictures(pictures)),
            Mount(AuditPartServicer(audit)),
            Mount(UsagePartServicer(files.quotas.usage)),
        ],
        revoked_workers=revoked,
        own=OwnPart(files.disk.tell, files.quotas.tell),
        public=[
            Mount(NativeFiles(files.uploads, files.imports, files.unfinished_uploads, files.library)),
            Mount(NativeLibrary(files.shelf, thumbnails)),
            Mount(NativePictureKeys(picture_keys)),
            Mount(RestFiles(files.uploads, files.imports, files.unfinished_uploads, files.library)),
            Mount(RestLibrary(files.shelf, thumbnails)),
            Mount(RestPictureKeys(picture_keys)),
            Mount(UploadAuthorization(files.arrivals)),
            Mount(UploadProcessor(files.running_puts)),
        ],
    )


service = Service("files", FilesSettings, compose, cli.main)
serve = service.serve

if __name__ == "__main__":
    sys.exit(service.main())
