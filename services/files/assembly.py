"""Assembly of the service's parts, used by `python -m services.files` and by the tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from services.files import presigners
from services.files.config import FilesSettings
from services.files.domain.ages import INTERVAL_SECONDS as AGES_SECONDS
from services.files.domain.ages import MaxAges
from services.files.domain.arrivals import Arrivals
from services.files.domain.bundles import Bundles
from services.files.domain.copies import Copies
from services.files.domain.deliveries import Deliveries
from services.files.domain.finished_runs import FinishedRuns
from services.files.domain.imports.fetching import PURPOSE, Fetcher, FetchLimits
from services.files.domain.imports.importing import Imports
from services.files.domain.imports.sources import Sources
from services.files.domain.intake import ContentProber, Intake
from services.files.domain.keys import trial_key
from services.files.domain.library import Downloads, Library, TaskDirectory, Visibility
from services.files.domain.pictures.keys import PictureKeys
from services.files.domain.pictures.pictures import Pictures, TaskRuns
from services.files.domain.quota import Quotas
from services.files.domain.reading_ahead import ReadingAhead
from services.files.domain.reconciling import Reconciler
from services.files.domain.running_puts import RunningPuts
from services.files.domain.shelf import Shelf
from services.files.domain.streamed import StreamedFiles
from services.files.domain.sweeping import Sweeper
from services.files.domain.task_files import TaskFiles
from services.files.domain.unfinished import UnfinishedUploads
from services.files.domain.upload_urls import UploadUrls
from services.files.domain.uploads import Uploads
from services.files.domain.watching import Watching, WatchTasks
from services.files.objects import ObjectStore
from services.files.prober import ProbeLimits
from services.files.recent import RecentContents
from services.files.storages import Storages
from services.files.store import (
    AgeStore,
    BundleStore,
    FileStore,
    LibraryStore,
    PictureStore,
    StorageStore,
    SweepStore,
    TaskFileStore,
    WatchStore,
)
from services.files.store.deletions import Deletions
from services.files.transfers import Transfers
from services.platform.clock import Clock
from services.platform.database import Database
from services.platform.disk import DiskGuard
from services.platform.egress.addresses import AddressRules, Network
from services.platform.egress.destinations import Destinations, Resolve, SystemResolver
from services.platform.idempotency import IdempotencyRecords
from services.platform.loop import Loop
from services.platform.object_http import ObjectHttp
from services.platform.object_writing import ObjectWriter
from services.platform.sandbox import Sandbox, WarmChildren

# The abilities of the storage are found out once; after that, there is nothing to do.
_TRIAL_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Files:
    """The parts that the servicers and loops call."""

    uploads: Uploads
    arrivals: Arrivals
    running_puts: RunningPuts
    streamed_files: StreamedFiles
    imports: Imports
    storages: Storages
    deliveries: Deliveries
    unfinished_uploads: UnfinishedUploads
    library: Library
    shelf: Shelf
    task_files: TaskFiles
    remote_task_files: TaskFiles
    """For workers on other machines."""
    finished_runs: FinishedRuns
    sweeper: Sweeper
    reconciler: Reconciler
    sweep_loop: Loop
    bundles: Bundles
    ages: MaxAges
    ages_loop: Loop
    try_storage_loop: Loop
    idempotency: IdempotencyRecords
    disk: DiskGuard
    quotas: Quotas
    visibility: Visibility
    downloads: Downloads
    pictures: PictureStore

    watches: WatchStore

    def watching(self, http: ObjectHttp, tasks: WatchTasks, clock: Clock) -> Watching:
        """The watches of storages; `http` speaks to those."""
        return Watching(self.watches, self.storages, http, self.deliveries, tasks, clock)

    def linked_pictures(self, keys: PictureKeys, tasks: TaskRuns, settings: FilesSettings, clock: Clock) -> Pictures:
        """Pictures by URL."""
        return Pictures(
            keys,
            self.pictures,
            self.library,
            self.visibility,
            self.downloads,
            presigners.internal_urls(settings),
            self.imports,
            self.streamed_files,
            tasks,
            self.sweep_loop.wake,
            settings,
            clock,
        )


def assemble(
    settings: FilesSettings,
    database: Database,
    objects: ObjectStore,
    prober: ContentProber,
    tasks: TaskDirectory,
    writer: ObjectWriter,
    clock: Clock,
    resolve: Resolve | None = None,
    storages_http: ObjectHttp | None = None,
) -> Files:
    """The domain on top of its stores and of the given parts. `resolve` finds the addresses of hosts that clients name; `storages_http`
    speaks to the storages of the operator, if not the client for the platform's does."""
    files, task_store, sweep_store = FileStore(database), TaskFileStore(database), SweepStore(database)
    internal_urls, public_urls = presigners.internal_urls(settings), presigners.public_urls(settings)

    def wake_sweeper() -> None:
        sweep_loop.wake()

    def wake_ages() -> None:
        ages_loop.wake()

    idempotency, disk = IdempotencyRecords(database, clock), DiskGuard(settings)
    quotas = Quotas(StorageStore(database), settings)
    transfers = Transfers(writer.http, internal_urls, settings.internal_url_seconds, settings.s3_conditional_puts)
    recent = RecentContents(settings.recent_bytes, settings.recent_seconds)
    ahead, deletions = ReadingAhead(transfers), Deletions(database)
    intake = Intake(files, objects, transfers, internal_urls, ahead, prober, quotas, recent, deletions, settings, clock)
    downloads = Downloads(public_urls, settings, clock)
    upload_urls = UploadUrls(public_urls, settings, clock)
    visibility = Visibility(files, task_store, tasks, settings, clock)
    task_files = TaskFiles(
        files, task_store, objects, transfers, internal_urls, visibility, intake, recent, downloads, wake_sweeper, settings, clock
    )
    sweeper = Sweeper(files, sweep_store, objects, tasks, task_files, deletions, settings, clock)
    sweep_loop = Loop("sweep_files", settings.sweep_interval_seconds, sweeper.sweep_files)
    ages = MaxAges(AgeStore(database), wake_ages, wake_sweeper, settings)
    ages_loop = Loop("redate_files", AGES_SECONDS, ages.redate)

    async def try_storage() -> bool:
        await transfers.try_out(trial_key)
        return False

    uploads = Uploads(files, idempotency, objects, upload_urls, intake, ahead, quotas, settings, clock, disk)
    streamed = StreamedFiles(files, uploads, internal_urls, transfers, wake_sweeper, settings, clock)
    lookups = resolve or SystemResolver(settings.fetch_lookups, settings.fetch_concurrency_each)
    storages = Storages.read(settings.storages_file)
    copies = Copies(files, objects, quotas, disk, settings, clock)
    sources = Sources(_fetcher(settings, lookups), storages, _fetcher_of_storages(settings, lookups))
    return Files(
        uploads=uploads,
        arrivals=Arrivals(files, public_urls, upload_urls, quotas, disk),
        running_puts=RunningPuts(files, objects, deletions, disk),
        streamed_files=streamed,
        imports=Imports(files, idempotency, streamed, uploads, quotas, sources, writer, settings, clock, disk),
        storages=storages,
        deliveries=Deliveries(task_store, writer.http, internal_urls, storages, storages_http or writer.http),
        unfinished_uploads=UnfinishedUploads(files, objects, upload_urls, quotas, wake_sweeper, settings, clock),
        library=Library(files, visibility, intake, downloads, wake_sweeper, clock),
        shelf=Shelf(LibraryStore(database), files, task_store, visibility, intake, copies, idempotency, downloads, wake_sweeper, clock),
        task_files=task_files,
        remote_task_files=task_files.signing_with(public_urls),
        finished_runs=FinishedRuns(files, transfers, uploads, intake, quotas, recent, downloads, disk, settings, clock),
        sweeper=sweeper,
        reconciler=Reconciler(sweep_store, objects, quotas, deletions, wake_sweeper, settings, clock),
        sweep_loop=sweep_loop,
        bundles=Bundles(BundleStore(database), visibility, downloads, settings, clock),
        ages=ages,
        ages_loop=ages_loop,
        try_storage_loop=Loop("try_storage", _TRIAL_SECONDS, try_storage),
        idempotency=idempotency,
        disk=disk,
        quotas=quotas,
        visibility=visibility,
        downloads=downloads,
        pictures=PictureStore(database),
        watches=WatchStore(database),
    )


def probing_children(settings: FilesSettings, sandbox: Sandbox) -> WarmChildren:
    """The children that examine small files."""
    return WarmChildren(
        sandbox,
        working=settings.probe_concurrency,
        kept=settings.probe_concurrency,
        jobs=settings.probe_child_jobs,
        seconds=settings.probe_child_seconds,
        limits=ProbeLimits().of_child,
    )


def _fetcher(settings: FilesSettings, resolve: Resolve) -> Fetcher:
    return _fetcher_from(settings.fetch_allowed_networks, settings.fetch_max_redirects, settings, resolve)


def _fetcher_of_storages(settings: FilesSettings, resolve: Resolve) -> Fetcher:
    """Goes wherever the operator sends it, and nowhere that a server there would send it on to."""
    return _fetcher_from((ip_network("0.0.0.0/0"), ip_network("::/0")), 0, settings, resolve)


def _fetcher_from(allowed: Iterable[Network], redirects: int, settings: FilesSettings, resolve: Resolve) -> Fetcher:
    destinations = Destinations(AddressRules(allowed), resolve, PURPOSE, allow_http=True, timeout=settings.fetch_connect_timeout)
    limits = FetchLimits(
        redirects=redirects,
        connect=settings.fetch_connect_timeout,
        idle=settings.fetch_idle_timeout,
        whole=settings.fetch_timeout,
    )
    return Fetcher(destinations, limits)
