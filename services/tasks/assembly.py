"""How the parts of the service fit together. The process and the tests build it with the same function."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.pictures.offers import Offers
from services.pictures.operations import lanes
from services.platform.account_usage import UsagePartServicer
from services.platform.audit.log import SWEEP_SECONDS as AUDIT_SWEEP_SECONDS
from services.platform.audit.log import AuditLog
from services.platform.audit.part import AuditPartServicer
from services.platform.bus import Bus
from services.platform.clock import Clock, system_clock
from services.platform.database import Database
from services.platform.disk import INTERVAL_SECONDS as DISK_SECONDS
from services.platform.disk import DiskGuard
from services.platform.idempotency import IdempotencyRecords
from services.platform.loop import Loop
from services.platform.revocations import Revocations
from services.platform.rpc.open_calls import OpenCalls
from services.platform.rpc.server import Mount
from services.platform.serving import Runs
from services.platform.surface_modules import surface_modules
from services.platform.system_part import OwnPart
from services.platform.worker_board import WorkerBoard
from services.tasks import surfaces
from services.tasks.config import TasksSettings
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.later_fetching import LaterFetching
from services.tasks.domain.acceptance.rules import AcceptanceRules
from services.tasks.domain.acceptance.short_runs import ShortRuns
from services.tasks.domain.acceptance.starting import Starting
from services.tasks.domain.batches.account_batches import AccountBatches
from services.tasks.domain.batches.archiving import BatchArchiving
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.domain.credits.prices import read_prices
from services.tasks.domain.lifecycle.assembly import ExchangeRules, assemble_exchange
from services.tasks.domain.lifecycle.attempts import AttemptRules, Attempts, Deadlines, Reaper
from services.tasks.domain.lifecycle.delivering import Delivering
from services.tasks.domain.lifecycle.due_work import IDLE_SECONDS, DueWorkFinder
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.lifecycle.publishing import Announcer, EventPublisher, Relay
from services.tasks.domain.lifecycle.recent_outputs import RecentOutputs
from services.tasks.domain.lifecycle.retry import RetryPolicy
from services.tasks.domain.media_checks import MediaLimits
from services.tasks.domain.order.joined_workers import INTERVAL_SECONDS as JOINED_WORKERS_SECONDS
from services.tasks.domain.order.joined_workers import JoinedWorkers
from services.tasks.domain.order.served_lanes import INTERVAL_SECONDS as SERVED_LANES_SECONDS
from services.tasks.domain.order.served_lanes import ServedLanes
from services.tasks.domain.order.throughput import Throughput
from services.tasks.domain.order.waiting import Waiting
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.owner.account_watching import AccountWatching
from services.tasks.domain.owner.event_feed import EventFeed
from services.tasks.domain.owner.task_search import TaskSearch
from services.tasks.domain.owner.usage import TaskUsage, UsageLimits
from services.tasks.domain.owner.watching import Watching
from services.tasks.domain.pipelines import SavedPipelines
from services.tasks.domain.retention import RetentionSweeper
from services.tasks.domain.retention import rules as retention_rules
from services.tasks.domain.webhooks.assembly import assemble_webhooks
from services.tasks.domain.webhooks.formats import WebhookFormat
from services.tasks.domain.webhooks.sender import WebhookSender
from services.tasks.files_client import FilesClient
from services.tasks.model import Task
from services.tasks.model.records import OutgoingEvent
from services.tasks.monitoring.scaling import Scaling
from services.tasks.monitoring.system import AwayPart, QueueGauges, QueuePart, WorkersPart
from services.tasks.store.batches import BatchStore
from services.tasks.store.changes import ChangeStore
from services.tasks.store.due import DueStore
from services.tasks.store.lanes import LaneStore
from services.tasks.store.ledger import LedgerStore
from services.tasks.store.pipelines import PipelineStore
from services.tasks.store.policies import PolicyStore
from services.tasks.store.queue import QueueStore
from services.tasks.store.retention import RetentionStore
from services.tasks.store.search import SearchStore
from services.tasks.store.secret_cipher import SecretCipher
from services.tasks.store.secret_sealing import SecretSealing
from services.tasks.store.tasks import TaskStore
from services.tasks.store.webhooks import WebhookStore
from services.tasks.surfaces.internal.attempts import InternalAttempts
from services.tasks.surfaces.internal.events import pack_events, unpack_events
from services.tasks.surfaces.internal.runs import InternalDepartures, InternalRuns
from services.tasks.surfaces.internal.scaler import ExternalScaler
from services.tasks.surfaces.native.webhook_messages import body
from services.tasks.surfaces.parts import SurfaceParts

# Seconds between the steps of a loop that each task wakes several times: short compared with what a step waits for, yet one step covers
# many tasks under load.
_SPACING = 0.015
# Those of a short task on an idle system, its start and its end: watchers in other replicas learn of its end at once.
_EVENTS = 2
# Events that lead to an end are published this much later, with later ones: the task itself goes first. So is an end that a watcher in this
# process has not read by then.
_BEFORE_AN_END = 0.005


@dataclass(frozen=True, slots=True)
class Connections:
    """The resources that a process has opened for the service."""

    database: Database
    bus: Bus
    files: FilesClient
    feed: EventFeed
    revocations: Revocations
    open_calls: OpenCalls
    """Counts the streams of clients."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """The loops and servicers of a process."""

    loops: Sequence[Runs]
    public: Sequence[Mount]
    internal: Sequence[Mount]
    gauges: QueueGauges
    own: OwnPart
    sealing: SecretSealing


def event_feed(bus: Bus) -> EventFeed:
    """The feed for `Connections`; the caller enters it as a context manager."""
    return EventFeed(bus, unpack_events)


def assemble(settings: TasksSettings, opened: Connections, stopping: asyncio.Event, clock: Clock = system_clock) -> Assembly:
    """Build every part from the settings. `stopping` ends open streams when it is set."""
    database, bus, files = opened.database, opened.bus, opened.files
    store, batch_store, idempotency = TaskStore(database), BatchStore(database), IdempotencyRecords(database, clock)
    notifications = Notifications()
    attempts = Attempts(store, notifications, _attempt_rules(settings), clock)
    due = DueWorkFinder(DueStore(database), lanes(), timedelta(seconds=settings.relay_age), clock)
    exchanging = assemble_exchange(_exchange_rules(settings), database, bus, store, attempts, notifications, due, stopping, clock)
    exchange, workforce = exchanging.exchange, exchanging.workforce
    cipher = SecretCipher.from_file(settings.webhook_secrets_key_file)
    formats: dict[str, WebhookFormat] = {}
    hooks = assemble_webhooks(settings, WebhookStore(database, cipher), store, batch_store, idempotency, body, clock, formats)
    notifications.on_event(lambda _event, _task: due.note_event())
    due.on_look(settings.webhook_interval, lambda found: hooks.sender.wake() if found.has_deliveries else None)
    ledger = Ledger(LedgerStore(database), settings.credit_terms, clock)
    rules, disk = _acceptance_rules(settings), DiskGuard(settings)
    offers = Offers(bus)
    served = ServedLanes(offers, LaneStore(database), workforce)
    short_runs, recent = ShortRuns(store, files, exchange, settings.max_running_tasks, clock), RecentOutputs()
    starting = Starting(store, exchange, notifications, attempts.first_lease, settings.max_running_tasks)
    acceptance = Acceptance(
        store,
        batch_store,
        files,
        idempotency,
        notifications,
        hooks.webhooks,
        offers,
        served,
        workforce,
        short_runs,
        starting,
        recent,
        ledger,
        rules,
        clock,
        disk,
    )
    later = LaterFetching(store, files, rules, clock)
    joined = JoinedWorkers(bus)
    throughput = Throughput(store, lanes(), clock)
    measuring = Loop("throughput", IDLE_SECONDS, throughput.step)
    due.on_look(settings.throughput_interval, lambda found: measuring.wake() if found.lanes or throughput.is_measuring else None)
    tasks = AccountTasks(store, throughput, Waiting(exchange.is_served, workforce), acceptance, files, bus, notifications, clock)
    batches = AccountBatches(batch_store, files, bus, notifications, opened.revocations, clock, stopping)
    archiving = BatchArchiving(batch_store, batches, files, acceptance)
    watching = Watching(store, opened.feed, opened.revocations, stopping)
    account_watching = AccountWatching(ChangeStore(database), opened.feed.accounts, opened.revocations, stopping, clock)
    notifications.on_deletion(opened.feed.accounts.delete)
    sweeper = RetentionSweeper(RetentionStore(database), retention_rules(settings), clock)
    audit = AuditLog(database, settings.audit_life, clock)
    parts = SurfaceParts(
        acceptance=acceptance,
        tasks=tasks,
        watching=watching,
        account_watching=account_watching,
        search=TaskSearch(SearchStore(database)),
        batches=batches,
        archiving=archiving,
        files=files,
        webhooks=hooks.webhooks,
        ledger=ledger,
        pipelines=SavedPipelines(PipelineStore(database), files, idempotency, rules.limits, clock, diagnostics=settings.diagnostics),
        max_pooled=settings.max_open_tasks_rest,
        task_life=settings.task_life,
        derived_keys=cipher.derive_keys,
        heartbeat=settings.stream_heartbeat,
    )
    # Tasks of a surface that has been switched off since then still send their webhooks in its form.
    for room in surface_modules(surfaces, "mounts", also_off=True):
        if hasattr(room, "webhook_formats"):
            formats |= room.webhook_formats(parts)
    queue = QueueStore(database)
    gauges = QueueGauges(queue, lanes(), clock)
    usage = TaskUsage(PolicyStore(database), ledger, _usage_limits(settings), opened.open_calls.of)
    return Assembly(
        loops=[
            *_loops(settings, opened, store, notifications, attempts, due, hooks.sender, clock),
            *exchanging.loops,
            due.loop(),
            Loop("sweep_idempotency", settings.idempotency_sweep_interval, idempotency.sweep),
            Loop("sweep_audit", AUDIT_SWEEP_SECONDS, audit.sweep),
            Loop("retention", settings.retention_interval, sweeper.step),
            Loop("joined_workers", JOINED_WORKERS_SECONDS, joined.step),
            Loop("disk", DISK_SECONDS, disk.step),
            Loop("served_lanes", SERVED_LANES_SECONDS, served.step),
            measuring,
            Loop("watching", settings.watch_interval, watching.look),
            Loop("account_watching", settings.watch_interval, account_watching.look),
            hooks.sender,
        ],
        public=[mount for room in surface_modules(surfaces, "mounts") for mount in room.mounts(parts)],
        internal=[
            Mount(InternalAttempts(attempts, exchange, later, Delivering(store, files), recent, joined)),
            Mount(InternalRuns(parts, recent, gauges.open_tasks, offers)),
            Mount(InternalDepartures(parts.pipelines)),
            Mount(ExternalScaler(Scaling(queue, lanes(), settings.max_running_tasks, clock), stopping)),
            Mount(AuditPartServicer(audit)),
            Mount(UsagePartServicer(usage.part)),
        ],
        gauges=gauges,
        own=OwnPart(
            disk.tell,
            QueuePart(queue, lanes(), throughput.rate, clock).tell,
            WorkersPart(WorkerBoard(bus), queue).tell,
            AwayPart(workforce).tell,
        ),
        sealing=SecretSealing(database, cipher),
    )


def _loops(
    settings: TasksSettings,
    opened: Connections,
    store: TaskStore,
    notifications: Notifications,
    attempts: Attempts,
    due: DueWorkFinder,
    sender: WebhookSender,
    clock: Clock,
) -> list[Loop]:
    bus, feed = opened.bus, opened.feed
    publisher = EventPublisher(bus, pack_events)
    retry, age = timedelta(seconds=settings.relay_retry), timedelta(seconds=settings.relay_age)
    relay = Loop("relay", IDLE_SECONDS, Relay(store, publisher, retry, clock, age).step)
    reaper = Loop("reaper", IDLE_SECONDS, Reaper(attempts).step)
    deadlines = Loop("deadlines", IDLE_SECONDS, Deadlines(store, bus, notifications, clock).step)
    due.on_look(settings.relay_interval, lambda found: relay.wake() if found.has_events else None)
    due.on_look(settings.reaper_interval, lambda found: reaper.wake() if found.has_leases else None)
    due.on_look(settings.reaper_interval, lambda found: deadlines.wake() if found.has_deadlines else None)

    def forget_soon() -> None:
        asyncio.get_running_loop().call_later(settings.relay_interval, forgetting.wake)

    announcer = Announcer(store, publisher, forget_soon)
    announcing = Loop("announcer", IDLE_SECONDS, announcer.step, _SPACING, burst=_EVENTS)
    forgetting = Loop("outbox", IDLE_SECONDS, announcer.forget)

    later: asyncio.TimerHandle | None = None

    def wake_later() -> None:
        nonlocal later
        later = None
        announcing.wake()

    def announce(event: OutgoingEvent, task: Task) -> None:
        nonlocal later
        feed.put(event.event, task)
        announcer.add(event)
        if event.event.state.terminal:
            sender.on_end()
        if event.event.state.terminal and not feed.watches(event.event.task_id):
            announcing.wake()
        elif later is None:
            later = asyncio.get_running_loop().call_later(_BEFORE_AN_END, wake_later)

    notifications.on_event(announce)
    # Those who wait for an end in this process are answered before it is published.
    feed.on_end(announcing.wake)
    return [
        announcing,
        forgetting,
        relay,
        reaper,
        deadlines,
    ]


def _attempt_rules(settings: TasksSettings) -> AttemptRules:
    return AttemptRules(
        lease=timedelta(seconds=settings.lease),
        timeout=timedelta(seconds=settings.attempt_timeout),
        heartbeat_interval=timedelta(seconds=settings.heartbeat_interval),
        progress_step=settings.progress_step,
        retry=RetryPolicy(
            max_attempts=settings.max_attempts,
            max_attempts_internal=settings.max_attempts_internal,
            max_lost_workers=settings.max_lost_workers,
            base=timedelta(seconds=settings.backoff),
            limit=timedelta(seconds=settings.backoff_limit),
        ),
    )


def _exchange_rules(settings: TasksSettings) -> ExchangeRules:
    return ExchangeRules(
        max_running=settings.max_running_tasks,
        interval=timedelta(seconds=settings.dispatch_interval),
        standby_after=timedelta(seconds=settings.standby_after) if settings.standby_after is not None else None,
    )


def _usage_limits(settings: TasksSettings) -> UsageLimits:
    return UsageLimits(
        max_open=settings.max_open_tasks,
        max_pooled=settings.max_open_tasks_rest,
        max_running=settings.max_running_tasks,
        max_webhooks=settings.webhook_max_per_account,
        max_streams=settings.max_streams_per_account,
    )


def _acceptance_rules(settings: TasksSettings) -> AcceptanceRules:
    return AcceptanceRules(
        diagnostics=settings.diagnostics,
        max_open=settings.max_open_tasks,
        max_attempts=settings.max_attempts,
        limits=MediaLimits(
            megapixels=settings.max_megapixels,
            result_megapixels=settings.max_result_megapixels,
            video_seconds=settings.max_video_seconds,
            moving_megapixels=settings.max_moving_megapixels,
        ),
        prices=read_prices(settings.prices_file),
        terms=settings.credit_terms,
        operation_seconds=settings.operation_seconds,
        attempt_seconds=settings.attempt_timeout,
    )
