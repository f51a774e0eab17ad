"""Tasks of mixed kinds from several accounts, as impatient clients send them."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from darkroom import ApiError, AsyncClient, ConnectionFailed, DarkroomFailure
from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_background_pb2, remove_pdf_watermark_pb2, upscale_pb2
from darkroom.tasks.v1 import task_pb2
from services.gateway.surfaces.snapotter.jobs.ids import JobIds
from services.tasks.surfaces.rendering import state_of
from tests.faults.chaos.replies import Replies
from tests.faults.chaos.surfaces import EDIT_SIZE, JSON_KINDS, SNAPOTTER, WITH_PICTURE, Away, Limited, OtherClients

_CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
_DOUBLE = operation_pb2.Operation(upscale=upscale_pb2.Upscale(factor=2))
_CLEAN = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark())
KINDS = ("noop", "cut", "double", "both", "document", *JSON_KINDS)
# Many of these make thousands of tasks in minutes.
_SMALL = ("noop", "rest", "fal", "pi", "claid")
# What an account is refused for when its limits are reached; it is no fault of the platform's, and the client comes again.
_LIMITS = ("TOO_MANY_TASKS", "INSUFFICIENT_CREDITS")
# Of a call that found a part away, or while another with its key is under way.
_PASSING = ("CONNECTION_FAILED", "UNAVAILABLE", "DISK_FULL", "DEADLINE_EXCEEDED", "IDEMPOTENCY_IN_PROGRESS", *_LIMITS)
# An upload that was cut off, its URL that expired meanwhile, and its bytes that never came.
_CUT_OFF = ("STORAGE", "URL_EXPIRED", "SOURCE_FILE_UPLOAD_NOT_COMPLETED")
_NATIVE = "gRPC"
_PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Tenant:
    """An account that sends tasks."""

    account_id: int
    api_key: str
    jobs: JobIds | None = None
    """Reads the ids of jobs, for a person who uses nothing but SnapOtter's API."""


@dataclass(frozen=True)
class Accepted:
    """A task that the server said it had accepted. `pixels`: what its result must measure, None where it is no picture."""

    task_id: int
    account_id: int
    kind: str
    outputs: int
    pixels: tuple[int, int] | None
    webhook_url: str


@dataclass
class Load:
    """What clients got accepted, and how often they were turned away because something was down. `watched` has the events of the tasks that
    were watched from their start to their end."""

    seed: int
    picture: Path
    picture_size: tuple[int, int]
    document: Path
    receiver: str
    """URL that some tasks name as their own webhook."""
    light: bool
    """Most tasks are small, so that there are thousands of them."""
    kinds: Sequence[str] = KINDS
    accepted: list[Accepted] = field(default_factory=list)
    cancelled: set[int] = field(default_factory=set)
    """Tasks whose cancellation the server has confirmed."""
    watched: dict[int, list[task_pb2.TaskEvent]] = field(default_factory=dict)
    replies: Replies = field(default_factory=Replies)
    turned_away: int = 0
    refused: int = 0
    unheard: int = 0
    """Calls without an idempotency key that may have made a task of which the client was not told."""

    def varied(self) -> bool:
        """Whether clients have done everything that they do at least once."""
        return not self._missing_kinds() and bool(self.cancelled) and bool(self.watched) and any(one.webhook_url for one in self.accepted)

    def _missing_kinds(self) -> list[str]:
        """Kinds of tasks of which none was accepted that may go on to its end."""
        return [kind for kind in self.kinds if not any(one.kind == kind and one.task_id not in self.cancelled for one in self.accepted)]

    def unfinished(self) -> list[int]:
        """Watched tasks whose end has not been seen."""
        return [task_id for task_id, seen in self.watched.items() if not seen or not state_of(seen[-1].state).terminal]

    async def press(self, urls: Sequence[str], tenants: Sequence[Tenant], stop: asyncio.Event) -> None:
        """Create tasks, cancelling some and watching some to their end, until told to stop; by any of the URLs."""
        async with asyncio.TaskGroup() as watchers:
            await asyncio.gather(*(self._client(urls, tenant, number, stop, watchers) for number, tenant in enumerate(tenants)))

    async def _client(self, urls: Sequence[str], tenant: Tenant, number: int, stop: asyncio.Event, watchers: asyncio.TaskGroup) -> None:
        chance = random.Random(self.seed * 1000 + number)
        while not stop.is_set():
            url = chance.choice(urls)
            try:
                async with AsyncClient(url, tenant.api_key) as client, OtherClients(url, tenant.api_key, self.replies) as others:
                    # A few by one connection, as a program does.
                    for _ in range(chance.randint(1, 10)):
                        accepted = await self._step(client, others, tenant, chance)
                        if chance.random() < 0.03 or not self.watched:
                            watchers.create_task(self._watch(urls, tenant, accepted.task_id))
            except ApiError as refusal:
                self._note(refusal)
                if refusal.reason in _LIMITS:
                    self.refused += 1
                    await asyncio.sleep(0.5)
                else:
                    self.turned_away += 1
            except Limited:
                self.refused += 1
                await asyncio.sleep(0.5)
            except (DarkroomFailure, OSError, Away) as failure:
                self._note(failure)
                self.turned_away += 1
            await asyncio.sleep(chance.uniform(0.0, 0.1 if self.light else 0.5))

    async def _step(self, client: AsyncClient, others: OtherClients, tenant: Tenant, chance: random.Random) -> Accepted:
        if tenant.jobs is not None:
            accepted = await self._edit(others, tenant.account_id, tenant.jobs)
        else:
            accepted = await self._create(client, others, tenant.account_id, chance)
        self.accepted.append(accepted)
        if chance.random() < 0.1 or not self.cancelled:
            try:
                await client.cancel_task(accepted.task_id)
                self.cancelled.add(accepted.task_id)
            except ApiError as refused:
                if refused.reason != "TASK_ALREADY_TERMINAL":
                    raise
            except ConnectionFailed as failure:
                self._note(failure)
                self.turned_away += 1
        return accepted

    async def _edit(self, others: OtherClients, account_id: int, jobs: JobIds) -> Accepted:
        try:
            task_id = await others.edit(self.picture.read_bytes(), jobs)
        except Away:
            self.unheard += 1
            raise
        return Accepted(task_id, account_id, SNAPOTTER, 1, EDIT_SIZE, "")

    async def _create(self, client: AsyncClient, others: OtherClients, account_id: int, chance: random.Random) -> Accepted:
        missing = [kind for kind in self._missing_kinds() if kind != SNAPOTTER]
        kind = chance.choice(missing or _SMALL * (4 if self.light else 1) + KINDS)
        webhook_url = self.receiver if chance.random() < 0.1 or not self.accepted else ""
        if kind in JSON_KINDS:
            if kind in WITH_PICTURE and others.source is None:
                others.source = (await client.upload(self.picture)).id
            task_id = await others.create(kind, chance)
            pixels = {"claid": EDIT_SIZE, "pilio": self.picture_size}.get(kind)
            return Accepted(task_id, account_id, kind, int(pixels is not None), pixels, "")
        if kind == "noop":
            steps = chance.randint(0, 3 if self.light else 10)
            operation = operation_pb2.Operation(noop=noop_pb2.Noop(steps=steps, step_milliseconds=chance.randint(0, 100)))
            task = await self._made(client, [], [operation], webhook_url, priority=chance.randint(-3, 3))
            return Accepted(task, account_id, kind, 0, None, webhook_url)
        if kind == "document":
            file = await client.upload(self.document)
            task = await self._made(client, [file.id], [_CLEAN], webhook_url)
            return Accepted(task, account_id, kind, 1, None, webhook_url)
        file = await client.upload(self.picture)
        operations = {"cut": [_CUT], "double": [_DOUBLE], "both": [_CUT, _DOUBLE]}[kind]
        inputs = [file.id] * chance.randint(1, 3)
        task = await self._made(client, inputs, operations, webhook_url)
        width, height = self.picture_size
        factor = 1 if kind == "cut" else 2
        return Accepted(task, account_id, kind, len(inputs), (width * factor, height * factor), webhook_url)

    async def _made(
        self, client: AsyncClient, inputs: Sequence[int], operations: Sequence[operation_pb2.Operation], webhook_url: str, priority: int = 0
    ) -> int:
        """The id of a new task, however often the call has to be repeated, with one key."""
        key, end = str(uuid.uuid4()), time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                made = await client.create_task(inputs, operations, priority=priority, idempotency_key=key, webhook_url=webhook_url)
            except ConnectionFailed as failure:
                self._note(failure)
                if time.monotonic() > end:
                    raise
            else:
                self.replies.counts[_NATIVE, "OK"] += 1
                return made.id

    def _note(self, failure: Exception) -> None:
        if isinstance(failure, DarkroomFailure):
            self.replies.refused(_NATIVE, failure.reason, str(failure), passing=failure.reason in (*_PASSING, *_CUT_OFF))

    async def _watch(self, urls: Sequence[str], tenant: Tenant, task_id: int) -> None:
        """Every event of a task, by as many connections as it takes."""
        seen = self.watched.setdefault(task_id, [])
        while not seen or not state_of(seen[-1].state).terminal:
            try:
                async with AsyncClient(random.choice(urls), tenant.api_key) as client:
                    async for event in client.watch(task_id, seen[-1].sequence if seen else 0):
                        seen.append(event)
            except (DarkroomFailure, OSError):
                await asyncio.sleep(0.5)
