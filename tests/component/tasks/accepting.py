"""What surfaces have tasks created by, beside a running service: for what no public call of a test's own asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from darkroom.internal.files.v1.intake_service_pb2_grpc import IntakeServiceStub
from darkroom.internal.files.v1.storage_service_pb2_grpc import StorageServiceStub
from services.common.bus import Bus
from services.common.clock import system_clock
from services.common.database import Database
from services.common.disk import DiskGuard
from services.common.idempotency import IdempotencyRecords
from services.common.offers import Offers
from services.common.rpc.channel import Caller, channel
from services.tasks.config import TasksSettings
from services.tasks.domain.acceptance.acceptance import Acceptance, AcceptanceRules
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.domain.credits.prices import read_prices
from services.tasks.domain.lifecycle.notifications import Notifications
from services.tasks.domain.order.throughput import Throughput
from services.tasks.domain.owner.account_tasks import AccountTasks
from services.tasks.domain.plan import MediaLimits
from services.tasks.domain.webhooks.assembly import assemble_webhooks
from services.tasks.files_client import FilesClient
from services.tasks.store.batches import BatchStore
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


@asynccontextmanager
async def accepting(service: Service, engine: AsyncEngine, bus: Bus, **changed: Any) -> AsyncIterator[Accepting]:
    """The parts, on the service's database and with its double of files."""
    settings = TasksSettings(**service.settings("accepting", **changed))
    database, clock = Database(engine), system_clock
    store, batches, idempotency = TaskStore(database), BatchStore(database), IdempotencyRecords(database, clock)
    notifications, ledger = Notifications(), Ledger(LedgerStore(database), settings.credit_terms, clock)
    cipher = SecretCipher.from_file(settings.webhook_secrets_key_file)
    webhooks = assemble_webhooks(settings, WebhookStore(database, cipher), store, batches, idempotency, body, clock).webhooks
    rules = AcceptanceRules(
        diagnostics=True,
        max_open=settings.max_open_tasks,
        max_attempts=settings.max_attempts,
        limits=MediaLimits(settings.max_megapixels, settings.max_result_megapixels),
        prices=read_prices(None),
        terms=settings.credit_terms,
    )
    async with channel(settings.files_address) as opened:
        files = FilesClient(StorageServiceStub(opened), IntakeServiceStub(opened), Caller(service.signer))
        acceptance = Acceptance(
            store, batches, files, idempotency, notifications, webhooks, Offers(bus), ledger, rules, clock, DiskGuard(settings)
        )
        tasks = AccountTasks(store, Throughput(store, [], clock), acceptance, files, bus, notifications, clock)
        yield Accepting(acceptance, tasks, files, store)
