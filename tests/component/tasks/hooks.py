"""Webhooks on a real database, with senders that tests step and a clock that they move."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from services.platform.database import Database
from services.platform.egress.addresses import Address, AddressRules
from services.platform.egress.destinations import Destinations, Resolve, SystemResolver
from services.platform.idempotency import IdempotencyRecords
from services.platform.tls import authorities
from services.tasks.domain.webhooks.account_webhooks import AccountWebhooks
from services.tasks.domain.webhooks.assembly import PURPOSE
from services.tasks.domain.webhooks.formats import NativeFormat, WebhookFormat
from services.tasks.domain.webhooks.post import Poster
from services.tasks.domain.webhooks.schedule import RetrySchedule
from services.tasks.domain.webhooks.sender import SenderRules, WebhookSender
from services.tasks.model import Task, WebhookDelivery
from services.tasks.model.records import WebhookView
from services.tasks.store.batches import BatchStore
from services.tasks.store.secret_cipher import SecretCipher
from services.tasks.store.tasks import TaskStore
from services.tasks.store.webhooks import WebhookStore
from services.tasks.surfaces.native.webhook_messages import body
from tests.component.tasks.clock import MovableClock
from tests.component.tasks.scene import ACCOUNT, Scene

LOOPBACK = (ip_network("127.0.0.0/8"),)
LEASE = timedelta(seconds=30)
CIPHER = SecretCipher([b"k" * 32])


class Hooks:
    """An account's webhooks, and as many senders as a test wants."""

    def __init__(self, engine: AsyncEngine, scene: Scene, clock: MovableClock) -> None:
        self.store, self.batches = WebhookStore(Database(engine), CIPHER), BatchStore(Database(engine))
        self.scene, self.clock = scene, clock
        self._idempotency = IdempotencyRecords(Database(engine), clock)
        self.webhooks = self.account_webhooks()
        self.formats: dict[str, WebhookFormat] = {}

    def destinations(self, resolve: Resolve | None = None, *, loopback: bool = True) -> Destinations:
        return Destinations(
            AddressRules(LOOPBACK if loopback else ()), resolve or SystemResolver(4, 4), PURPOSE, allow_http=True, timeout=5
        )

    def account_webhooks(self, *, loopback: bool = True, max_webhooks: int = 5) -> AccountWebhooks:
        return AccountWebhooks(self.store, self._idempotency, self.destinations(loopback=loopback), lambda: None, max_webhooks, self.clock)

    def sender(
        self,
        *,
        store: WebhookStore | None = None,
        tasks: TaskStore | None = None,
        destinations: Destinations | None = None,
        concurrency: int = 64,
        each: int = 4,
        timeout: float = 15,
        interval: float = 0.02,
        tls: ssl.SSLContext | None = None,
    ) -> WebhookSender:
        """A sender whose pauses are 10 s, 25 s, and so on without jitter, three attempts in all."""
        schedule = RetrySchedule(3, timedelta(seconds=10), uniform=lambda low, high: 1.0)
        rules = SenderRules(concurrency=concurrency, concurrency_each=each, lease=LEASE, interval=interval, schedule=schedule)
        poster = Poster(destinations or self.destinations(), connect_timeout=5, timeout=timeout, tls=tls or authorities(None))
        return WebhookSender(
            store or self.store, tasks or self.scene.store, self.batches, poster, NativeFormat(body), rules, self.clock, self.formats
        )

    async def add(self, url: str, *event_types: str) -> tuple[WebhookView, str]:
        """A webhook of the account, and its secret."""
        return await self.webhooks.create(ACCOUNT, url, event_types)

    async def ended(self, webhook_url: str | None = None, surface: str = "") -> Task:
        """A task that has just succeeded."""
        task = await self.scene.create(webhook_url=webhook_url, surface=surface)
        await self.scene.start(task)
        done = await self.scene.complete(task)
        assert done is not None
        return done

    async def round(self, sender: WebhookSender | None = None) -> None:
        """Send what is due now, once."""
        sender = sender or self.sender()
        await sender.step()
        await sender.finish()

    async def log(self) -> Sequence[WebhookDelivery]:
        """The account's deliveries, oldest first."""
        page = await self.webhooks.log(ACCOUNT, webhook_id=0, task_id=0, states=(), size=1000, token="")
        return list(page.deliveries)[::-1]


class Names:
    """A resolver by a table that tests change."""

    def __init__(self, **names: Sequence[Address]) -> None:
        self.names = names
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int, account_id: int) -> Sequence[Address]:
        self.asked.append(host)
        return self.names[host.partition(".")[0]]


class Forgetful(TaskStore):
    """As if the task had been deleted after its delivery was taken."""

    async def get(self, account_id: int, task_id: int) -> Task | None:
        return None


class Mute(WebhookStore):
    """As if the process had died when it was about to record."""

    async def record(self, *_: object, **__: object) -> bool:
        return True


def certificate_context(folder: Path) -> ssl.SSLContext:
    """A server's context with the certificate in a folder."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context
