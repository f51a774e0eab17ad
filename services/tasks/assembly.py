"""How the parts of the service hang together. The process and the tests put it together by the same function."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from services.common.bus import Bus
from services.common.idempotency import IdempotencyRecords
from services.common.loop import Loop
from services.common.offers import Offers
from services.common.operations import specs
from services.common.revocations import Revocations
from services.common.rpc.server import Mount
from services.tasks.config import TasksSettings
from services.tasks.domain.batches.account_batches import AccountBatches
from services.tasks.domain.batches.archiving import BatchArchiving
from services.tasks.domain.batches.creation import BatchCreation
from services.tasks.domain.clock import Clock
from services.tasks.domain.creation.media import MediaLimits
from services.tasks.domain.creation.task_creation import CreationRules, TaskCreation
from services.tasks.domain.credits.estimation import Estimation
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.domain.credits.prices import read_prices
from services.tasks.domain.lifecycle.announcer import Announcer
from services.tasks.domain.lifecycle.attempts import AttemptRules, Attempts
from services.tasks.domain.lifecycle.deadlines import Deadlines
from services.tasks.domain.lifecycle.dispatcher import Dispatcher
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.lifecycle.reaper import Reaper
from services.tasks.domain.lifecycle.relay import Relay
from services.tasks.domain.lifecycle.retry import RetryPolicy
from services.tasks.domain.order.throughput import Throughput
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.owner.details import TaskDetails
from services.tasks.domain.owner.event_feed import EventFeed
from services.tasks.domain.owner.steering import Steering
from services.tasks.domain.owner.watching import Watching
from services.tasks.domain.retention.sweeping import RetentionSweeper
from services.tasks.domain.webhooks.account_webhooks import AccountWebhooks
from services.tasks.domain.webhooks.assembly import assemble_webhooks
from services.tasks.files_client import FilesClient
from services.tasks.store.batches import BatchStore
from services.tasks.store.ledger import LedgerStore
from services.tasks.store.tasks import TaskStore
from services.tasks.store.webhooks import WebhookStore
from services.tasks.surfaces.internal.attempts import InternalAttempts
from services.tasks.surfaces.native.balance import NativeBalance
from services.tasks.surfaces.native.batches import NativeBatches
from services.tasks.surfaces.native.tasks import NativeTasks
from services.tasks.surfaces.native.webhooks import NativeWebhooks
from services.tasks.surfaces.rest.batches import RestBatches
from services.tasks.surfaces.rest.billing import RestBilling
from services.tasks.surfaces.rest.creation import RestCreation, RestImages, RestPdfs
from services.tasks.surfaces.rest.tasks import RestTasks
from services.tasks.surfaces.rest.webhooks import RestWebhooks

# Seconds between the steps of a loop that each task wakes several times: little beside what a step waits for, yet many tasks under load.
_SPACING = 0.015


class Runs(Protocol):
    """What goes on until it is cancelled."""

    async def run(self) -> None:
        """Run until cancelled."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """What a process runs and serves."""

    loops: Sequence[Runs]
    public: Sequence[Mount]
    internal: Sequence[Mount]


def assemble(
    settings: TasksSettings,
    store: TaskStore,
    ledger_store: LedgerStore,
    webhook_store: WebhookStore,
    batch_store: BatchStore,
    idempotency: IdempotencyRecords,
    sweeper: RetentionSweeper,
    bus: Bus,
    files: FilesClient,
    feed: EventFeed,
    revocations: Revocations,
    clock: Clock,
    stopping: asyncio.Event,
) -> Assembly:
    """Build every part by the settings. `stopping` ends open streams when it is set."""
    notifications = Notifications()
    attempts = Attempts(store, notifications, _attempt_rules(settings), clock)
    tasks = AccountTasks(store, bus, notifications, clock)
    hooks = assemble_webhooks(settings, webhook_store, store, batch_store, idempotency, clock)
    rules, offers = _creation_rules(settings), Offers(bus)
    creation = TaskCreation(store, files, idempotency, notifications, hooks.webhooks, offers, rules, clock)
    batch_creation = BatchCreation(
        batch_store, files, idempotency, notifications, hooks.webhooks, offers, rules, settings.max_open_tasks, clock
    )
    batches = AccountBatches(batch_store, files, bus, notifications, revocations, clock, stopping)
    archiving = BatchArchiving(batch_store, batches, files, creation, settings.max_open_tasks)
    steering = Steering(store, files, tasks, creation, settings.max_open_tasks)
    rest_steering = Steering(store, files, tasks, creation, settings.max_open_tasks_rest)
    ledger = Ledger(ledger_store, settings.credit_terms, clock)
    throughput = Throughput(store, lanes(), clock)
    watching = Watching(store, tasks, feed, revocations, timedelta(seconds=settings.watch_interval), stopping)
    return Assembly(
        loops=[
            *_loops(settings, store, bus, notifications, attempts, clock),
            Loop("deadlines", settings.reaper_interval, Deadlines(store, bus, notifications, clock).step),
            Loop("sweep_idempotency", settings.idempotency_sweep_interval, idempotency.sweep),
            Loop("retention", settings.retention_interval, sweeper.step),
            Loop("throughput", settings.throughput_interval, throughput.step),
            hooks.sender,
        ],
        public=[
            *_native(settings, creation, tasks, TaskDetails(store, throughput), steering, watching, hooks.webhooks),
            *_rest(settings, creation, tasks, rest_steering, watching, files, hooks.webhooks),
            *_batches(settings, batch_creation, batches, archiving, files),
            *_billing(ledger, Estimation(store, files, offers, rules, ledger)),
        ],
        internal=[Mount(InternalAttempts(attempts))],
    )


def lanes() -> list[str]:
    """Every lane that an operation goes by."""
    return sorted({spec.lane for spec in specs().values()})


def _loops(
    settings: TasksSettings, store: TaskStore, bus: Bus, notifications: Notifications, attempts: Attempts, clock: Clock
) -> list[Loop]:
    every_lane = lanes()
    relay = Relay(store, bus, timedelta(seconds=settings.relay_retry), clock, timedelta(seconds=settings.relay_age))
    announcer = Announcer(store, bus)
    announcing = Loop("announcer", settings.relay_interval, announcer.step, _SPACING)
    notifications.on_event(announcer.add)
    notifications.on_event(lambda _: announcing.wake())
    redispatch_after = timedelta(seconds=settings.redispatch_after)
    reaper = Loop("reaper", settings.reaper_interval, Reaper(store, attempts, bus, every_lane, redispatch_after, clock).step)
    loops = [announcing, Loop("relay", settings.relay_interval, relay.step), reaper]
    # A lane that nothing wakes looks at each step; one that a create wakes has looked just before, and does not make the task wait for it.
    interval = timedelta(seconds=settings.dispatch_interval * 0.9)
    for lane in every_lane:
        dispatcher = Dispatcher(lane, store, bus, notifications, settings.dispatch_window, settings.max_running_tasks, clock, interval)
        loop = Loop(f"dispatcher_{lane}", settings.dispatch_interval, dispatcher.step, _SPACING)
        notifications.on_queue(lane, loop.wake)
        loops.append(loop)
    return loops


def _native(
    settings: TasksSettings,
    creation: TaskCreation,
    tasks: AccountTasks,
    details: TaskDetails,
    steering: Steering,
    watching: Watching,
    webhooks: AccountWebhooks,
) -> list[Mount]:
    return [
        Mount(NativeTasks(creation, tasks, details, steering, watching, settings.max_open_tasks, settings.task_life)),
        Mount(NativeWebhooks(webhooks)),
    ]


def _rest(
    settings: TasksSettings,
    creation: TaskCreation,
    tasks: AccountTasks,
    steering: Steering,
    watching: Watching,
    files: FilesClient,
    webhooks: AccountWebhooks,
) -> list[Mount]:
    pilio = RestCreation(creation, settings.max_open_tasks_rest)
    return [
        Mount(RestImages(pilio)),
        Mount(RestPdfs(pilio)),
        Mount(RestTasks(tasks, steering, watching, files, settings.stream_heartbeat)),
        Mount(RestWebhooks(webhooks)),
    ]


def _batches(
    settings: TasksSettings, creation: BatchCreation, batches: AccountBatches, archiving: BatchArchiving, files: FilesClient
) -> list[Mount]:
    return [
        Mount(NativeBatches(creation, batches, archiving, settings.task_life)),
        Mount(RestBatches(creation, batches, archiving, files)),
    ]


def _billing(ledger: Ledger, estimation: Estimation) -> list[Mount]:
    return [
        Mount(NativeBalance(ledger, estimation)),
        Mount(RestBilling(ledger, estimation)),
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


def _creation_rules(settings: TasksSettings) -> CreationRules:
    return CreationRules(
        diagnostics=settings.diagnostics,
        max_attempts=settings.max_attempts,
        limits=MediaLimits(settings.max_megapixels, settings.max_result_megapixels),
        prices=read_prices(settings.prices_file),
        terms=settings.credit_terms,
    )
