"""What clients do to the system on three hosts while a fault lasts, and what must be true afterwards."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from darkroom import AsyncClient
from darkroom.failures import DarkroomFailure
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import batches_service_pb2
from services.platform.bus import Bus, connect
from services.platform.nats_servers import NatsServers
from services.platform.tls import MutualTls
from tests.cluster import plan
from tests.cluster.cluster import Cluster
from tests.cluster.network import CLIENT
from tests.cluster.probing import Probe
from tests.component.tasks.receiver import Receiver
from tests.faults.chaos import verdict
from tests.faults.chaos.load import KINDS, Load, Tenant
from tests.faults.chaos.sweeping import sweep
from tests.faults.chaos.verdict import Wrong
from tests.faults.chaos.world import check_books, published, tenants, unreliable_receiver
from tests.system.pictures import disc, encoded

SEED = 20_11
_TENANTS = 4
_SIZE = (160, 120)
_REPORT = Path(__file__).resolve().parents[2] / "samples" / "report.pdf"
_SETTLE_SECONDS = 240.0
_BATCH = [
    batches_service_pb2.BatchItem(operations=[operation_pb2.Operation(noop=noop_pb2.Noop(steps=number, step_milliseconds=20))])
    for number in range(5)
]
_BETWEEN_BATCHES_SECONDS = 3.0
# Of the tasks that nobody cancelled, the share that must succeed; others may have used up their attempts.
_SUCCEEDING = 0.9


class Trial:
    """One load on one cluster, from fault to fault."""

    def __init__(self, cluster: Cluster, accounts: Sequence[Tenant], receiver: Receiver, folder: Path) -> None:
        self.cluster, self._tenants, self._receiver = cluster, accounts, receiver
        self._ids = [tenant.account_id for tenant in accounts]
        self._picture = folder / "disc.png"
        self._picture.write_bytes(encoded(disc(*_SIZE), "PNG"))
        self._load = Load(SEED, self._picture, _SIZE, _REPORT, receiver.url.replace("/hook", "/own"), light=False)
        self._batches = 0

    def probe(self, number: int) -> Probe:
        """A client at the edge of a host."""
        account = self.cluster.create_account(f"probe {number}")
        return Probe(self.cluster.edge(number), account, self._picture.read_bytes())

    async def under_load(self, deed: Callable[[], Awaitable[None]]) -> None:
        """Do something while clients press on, by both edges; then let all that was accepted come to its end, and judge it."""
        stop, before = asyncio.Event(), len(self._load.accepted)
        urls = [self.cluster.edge(number) for number in plan.EDGES]
        pressing = asyncio.gather(self._load.press(urls, self._tenants, stop), self._make_batches(urls, stop))
        try:
            await deed()
        finally:
            stop.set()
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                await pressing
        except TimeoutError:
            await self._fail([Wrong("was not watched to its end", task_id) for task_id in self._load.unfinished()])
        await self._settle()
        await self._judge()
        print(f"{len(self._load.accepted) - before} tasks accepted, {self._load.turned_away} calls turned away so far", flush=True)

    async def under_load_lost(self, deed: Callable[[], Awaitable[None]]) -> None:
        """Do something while clients press on, after which nothing is there any more."""
        stop, urls = asyncio.Event(), [self.cluster.edge(number) for number in plan.EDGES]
        pressing = asyncio.gather(self._load.press(urls, self._tenants, stop), self._make_batches(urls, stop))
        try:
            await deed()
        finally:
            pressing.cancel()
            with suppress(asyncio.CancelledError):
                await pressing

    @property
    def accepted(self) -> set[int]:
        """The tasks that clients got accepted so far."""
        return {task.task_id for task in self._load.accepted}

    @property
    def cancelled(self) -> set[int]:
        """Those of them whose cancellation was confirmed."""
        return set(self._load.cancelled)

    async def judge_restored(self, tasks: Collection[int], cancelled: Collection[int]) -> None:
        """Let the tasks that a backup had come to their end, and judge them; others are gone. `cancelled`: those that were, by then."""
        load, cluster = self._load, self.cluster
        load.accepted[:] = [task for task in load.accepted if task.task_id in tasks]
        load.cancelled.intersection_update(cancelled)
        load.watched.clear()
        await self._settle()
        wrong = await asyncio.to_thread(verdict.check_tasks, cluster, self._ids, load)
        wrong += await asyncio.to_thread(verdict.check_outputs, cluster, load.accepted)
        wrong += await check_books(cluster, self._ids)
        await sweep(cluster)
        wrong += await asyncio.to_thread(verdict.check_storage, cluster, self._ids)
        await self._fail(wrong)

    async def judge_all(self) -> None:
        """At the end of all: nothing was charged or published twice or not at all, and nothing is left over."""
        load, cluster = self._load, self.cluster
        wrong = [] if load.varied() and self._batches else [Wrong("clients have not done everything that they do")]
        kinds = {task.task_id: task.kind for task in load.accepted if task.task_id not in load.cancelled}
        query = "SELECT id FROM task WHERE id = ANY($1) AND state = 'SUCCEEDED'"
        succeeded = Counter(kinds[row["id"]] for row in await asyncio.to_thread(cluster.fetch, "tasks", query, list(kinds)))
        wrong += [Wrong(f"no task of the kind {kind} succeeded") for kind in KINDS if not succeeded[kind]]
        if succeeded.total() < _SUCCEEDING * len(kinds):
            wrong.append(Wrong(f"{succeeded.total()} of {len(kinds)} tasks that were not cancelled succeeded"))
        async with operator(cluster) as bus:
            wrong += await asyncio.to_thread(verdict.check_stream, cluster, self._ids, await published(bus, self._ids))
        wrong += await check_books(cluster, self._ids)
        await sweep(cluster)
        wrong += await asyncio.to_thread(verdict.check_storage, cluster, self._ids)
        await self._fail(wrong)
        told = {
            "tasks accepted": len(load.accepted),
            "succeeded": succeeded.total(),
            "cancelled": len(load.cancelled),
            "watched": len(load.watched),
            "batches": self._batches,
            "webhooks received": len(self._receiver.requests),
            "calls turned away": load.turned_away,
        }
        print(", ".join(f"{count} {what}" for what, count in told.items()), flush=True)

    async def _make_batches(self, urls: Sequence[str], stop: asyncio.Event) -> None:
        tenant, chance = self._tenants[0], random.Random(SEED)
        while not stop.is_set():
            with suppress(DarkroomFailure, OSError):
                async with AsyncClient(chance.choice(urls), tenant.api_key) as client:
                    await client.batches.create(_BATCH)
                    self._batches += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _BETWEEN_BATCHES_SECONDS)

    async def _judge(self) -> None:
        load, cluster = self._load, self.cluster
        wrong = verdict.check_watched(load.watched)
        wrong += await asyncio.to_thread(verdict.check_tasks, cluster, self._ids, load)
        wrong += await asyncio.to_thread(verdict.check_outputs, cluster, load.accepted)
        hooks = dict.fromkeys(self._ids, self._receiver.url)
        wrong += await asyncio.to_thread(verdict.check_webhooks, cluster, hooks, load.accepted, self._receiver.requests)
        await self._fail(wrong)

    async def _settle(self) -> None:
        deadline = time.monotonic() + _SETTLE_SECONDS
        while left := await asyncio.to_thread(verdict.unsettled, self.cluster, self._ids):
            if time.monotonic() > deadline:
                query = "SELECT id FROM task WHERE account_id = ANY($1) AND end_time IS NULL LIMIT 3"
                rows = await asyncio.to_thread(self.cluster.fetch, "tasks", query, self._ids)
                await self._fail([Wrong(f"{left} are not done"), *(Wrong("is stuck", row["id"]) for row in rows)])
            await asyncio.sleep(0.5)

    async def _fail(self, wrong: Sequence[Wrong]) -> None:
        if not wrong:
            return
        tasks = list(dict.fromkeys(one.task_id for one in wrong if one.task_id is not None))[:3]
        told = [f"task {task_id}:\n{await asyncio.to_thread(verdict.history, self.cluster, task_id)}" for task_id in tasks]
        pytest.fail("\n".join([*map(str, wrong[:20]), f"({len(wrong)} in all)", *told]), pytrace=False)


@asynccontextmanager
async def trial(cluster: Cluster, folder: Path) -> AsyncIterator[Trial]:
    """Accounts, and a receiver of webhooks that fails at times, on the test's own address."""
    async with unreliable_receiver(SEED, CLIENT) as receiver:
        accounts = await tenants(cluster, _TENANTS, receiver.url)
        yield Trial(cluster, accounts, receiver, folder)


@asynccontextmanager
async def operator(cluster: Cluster) -> AsyncIterator[Bus]:
    """NATS, as its administrator."""
    url = cluster.installation.secret("operator", "nats-url") or ""
    servers = replace(NatsServers.parse(url), tls=MutualTls(cluster.installation.tls("operator")))
    async with connect(servers, "operator") as bus:
        yield bus
