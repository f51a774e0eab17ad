"""What surfaces have tasks created by, beside a running service: for what no public call of a test's own asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from darkroom.internal.files.v1.intake_service_pb2_grpc import IntakeServiceStub
from darkroom.internal.files.v1.storage_service_pb2_grpc import StorageServiceStub
from services.pictures.offers import Offers
from services.platform.bus import connect
from services.platform.clock import system_clock
from services.platform.database import open_database
from services.platform.disk import DiskGuard
from services.platform.idempotency import IdempotencyRecords
from services.platform.identity import Signer
from services.platform.rpc.channel import Caller, channel
from services.platform.worker_board import WorkerBoard
from services.tasks.config import TasksSettings
from services.tasks.domain.acceptance.acceptance import Acceptance
from services.tasks.domain.acceptance.rules import AcceptanceRules
from services.tasks.domain.acceptance.short_runs import ShortRuns
from services.tasks.domain.acceptance.starting import Starting
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.domain.credits.prices import read_prices
from services.tasks.domain.lifecycle.exchange import Exchange
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.lifecycle.recent_outputs import RecentOutputs
from services.tasks.domain.media_checks import MediaLimits
from services.tasks.domain.order.served_lanes import ServedLanes
from services.tasks.domain.order.throughput import Throughput
from services.tasks.domain.order.waiting import Waiting
from services.tasks.domain.order.workforce import Workforce
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.webhooks.assembly import assemble_webhooks
from services.tasks.files_client import FilesClient
from services.tasks.store.away_workers import AwayWorkerStore
from services.tasks.store.batches import BatchStore
from services.tasks.store.lanes import LaneStore
from services.tasks.store.ledger import LedgerStore
from services.tasks.store.secret_cipher import SecretCipher
from services.tasks.store.tasks import TaskStore
from services.tasks.store.webhooks import WebhookStore
from services.tasks.surfaces.native.webhook_messages import body
from tests.component.tasks.service import Service


@dataclass(frozen=True)
class Accepting:
    """What a surface's servicers have."""

    acceptance: Acceptance
    tasks: AccountTasks
    files: FilesClient
    store: TaskStore
    served: ServedLanes
    workforce: Workforce


@asynccontextmanager
async def accepting(settings: TasksSettings, signer: Signer) -> AsyncIterator[Accepting]:
    """The parts, on the database and with the files service of a tasks service with these settings."""
    async with (
        open_database(settings.database_url, 4) as database,
        connect(settings.nats, "tests", settings.nats_replicas) as bus,
        channel(settings.files_address, "files", settings.tls) as files_channel,
    ):
        clock = system_clock
        store, batches, idempotency = TaskStore(database), BatchStore(database), IdempotencyRecords(database, clock)
        notifications, ledger = Notifications(), Ledger(LedgerStore(database), settings.credit_terms, clock)
        cipher = SecretCipher.from_file(settings.webhook_secrets_key_file)
        webhooks = assemble_webhooks(settings, WebhookStore(database, cipher), store, batches, idempotency, body, clock).webhooks
        rules = AcceptanceRules(
            diagnostics=True,
            max_open=settings.max_open_tasks,
            max_attempts=settings.max_attempts,
            limits=MediaLimits(settings.max_megapixels, settings.max_result_megapixels, 60, 4000),
            prices=read_prices(None),
            terms=settings.credit_terms,
            operation_seconds=settings.operation_seconds,
            attempt_seconds=settings.attempt_timeout,
        )
        files = FilesClient(StorageServiceStub(files_channel), IntakeServiceStub(files_channel), Caller(signer))
        offers = Offers(bus)
        workforce = Workforce(WorkerBoard(bus), AwayWorkerStore(database), clock)
        served = ServedLanes(offers, LaneStore(database), workforce)
        exchange, disk = Exchange({}, bus, asyncio.Event()), DiskGuard(settings)
        acceptance = Acceptance(
            store,
            batches,
            files,
            idempotency,
            notifications,
            webhooks,
            offers,
            served,
            workforce,
            ShortRuns(store, files, exchange, settings.max_running_tasks, clock),
            Starting(store, exchange, notifications, timedelta(seconds=30), settings.max_running_tasks),
            RecentOutputs(),
            ledger,
            rules,
            clock,
            disk,
        )
        waiting = Waiting(lambda _lane: True, workforce)
        tasks = AccountTasks(store, Throughput(store, [], clock), waiting, acceptance, files, bus, notifications, clock)
        yield Accepting(acceptance, tasks, files, store, served, workforce)


@asynccontextmanager
async def accepting_beside(service: Service, **changed: Any) -> AsyncIterator[Accepting]:
    """The parts beside the replicas of a test's service."""
    async with accepting(TasksSettings(**service.settings("accepting", **changed)), service.signer) as parts:
        yield parts
