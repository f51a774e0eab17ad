"""The service under test and its callers."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import grpc
from google.rpc import error_details_pb2, status_pb2

from darkroom.internal.tasks.v1 import (
    attempt_service_pb2,
    attempt_service_pb2_grpc,
    departure_service_pb2_grpc,
    run_service_pb2_grpc,
)
from darkroom.internal.usage.v1 import usage_part_service_pb2, usage_part_service_pb2_grpc
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.rest.v1 import account_tasks_pb2_grpc, batches_pb2_grpc, images_pb2_grpc, pdfs_pb2_grpc, pipelines_pb2_grpc, tasks_pb2_grpc
from darkroom.tasks.v1 import (
    balance_service_pb2_grpc,
    batches_service_pb2_grpc,
    pipelines_service_pb2_grpc,
    task_pb2,
    tasks_service_pb2,
    tasks_service_pb2_grpc,
    webhooks_service_pb2_grpc,
)
from services.platform.bus import Bus
from services.platform.delegation import HeldDelegation
from services.platform.identity import IDENTITY_HEADER, Signer, UserIdentity
from services.platform.rpc.channel import Caller
from services.platform.rpc.server import Mount, listening
from services.tasks.__main__ import serve
from services.tasks.config import TasksSettings
from tests.component.tasks.files import FilesDouble, IntakeDouble
from tests.component.tasks.workers import worker_on
from tests.dying import Dying, Point, dying
from tests.harness.channels import EAGER
from tests.unit.platform.keys import Keys

KEY = 42
LONG_LEASE = 300
"""A lease that does not end, and send the task back, while a process starts."""
T = TypeVar("T")
NOOP = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1))


def _key_file(folder: Path) -> Path:
    file = folder / "webhook-secrets"
    file.write_text(base64.b64encode(b"k" * 32).decode())
    return file


class Service:
    """Serves until its block ends. More replicas on the same database can be added."""

    def __init__(self, folder: Path, database_url: str, nats_url: str, bus: Bus) -> None:
        self._folder, self._bus = folder, bus
        keys = Keys(folder)
        self._accounts = keys.signer("accounts")
        self._signers = {issuer: keys.signer(issuer) for issuer in ("files", "tasks", "inference", "gateway")} | {
            "accounts": self._accounts
        }
        self._verifier = keys.verifier()
        self._stack = AsyncExitStack()
        self.files = FilesDouble()
        self.intake = IntakeDouble(self.files)
        self._settings: dict[str, Any] = {
            "nats_url": nats_url,
            "webhook_secrets_key_file": _key_file(folder),
            "database_url": database_url,
            "database_pool": 5,
            "signing_key_file": folder / "tasks.pem",
            "trusted_keys_file": folder / "trusted.json",
            "files_address": f"unix:{folder}/files",
            "diagnostics": True,
            "drain_notice": 0,
            "backoff": 0.05,
            "dispatch_interval": 0.05,
            "relay_interval": 0.05,
            "reaper_interval": 0.05,
            "relay_age": 0.2,
            "relay_retry": 0.5,
            "watch_interval": 0.5,
        }

    async def __aenter__(self) -> Service:
        files = [Mount(self.files), Mount(self.intake)]
        await self._stack.enter_async_context(listening("internal", f"unix:{self._folder}/files", files, self._verifier))
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    @property
    def signer(self) -> Signer:
        """Signs the service's own calls."""
        return self._signers["tasks"]

    @asynccontextmanager
    async def replica(self, name: str = "a", **changed: Any) -> AsyncIterator[Replica]:
        """A process's worth of service, stopped when the block ends."""
        settings = TasksSettings(**self.settings(name, **changed))
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(settings, stop))
        try:
            async with (
                grpc.aio.insecure_channel(settings.listen, options=EAGER) as public,
                grpc.aio.insecure_channel(settings.internal_listen, options=EAGER) as internal,
            ):
                await _ready(serving, public, internal)
                yield Replica(public, internal, stop, self._lane_of)
        finally:
            stop.set()
            await serving

    def settings(self, name: str, **changed: Any) -> dict[str, Any]:
        """What the replica of a name is started with."""
        addresses = {"listen": f"unix:{self._folder}/{name}", "internal_listen": f"unix:{self._folder}/{name}-internal"}
        return self._settings | addresses | changed

    @asynccontextmanager
    async def dying(self, point: Point) -> AsyncIterator[tuple[Replica, Dying]]:
        """A replica in a process of its own, which dies when it comes to the point."""
        # It takes long to start on a busy machine.
        settings = self.settings("dying", lease=LONG_LEASE)
        async with (
            dying("tasks", settings, point, self._folder / "dying.log") as process,
            grpc.aio.insecure_channel(settings["listen"], options=EAGER) as public,
            grpc.aio.insecure_channel(settings["internal_listen"], options=EAGER) as internal,
        ):
            yield Replica(public, internal, asyncio.Event(), self._lane_of), process

    def caller(self, account_id: int, max_streams: int | None = None) -> tuple[tuple[str, str], ...]:
        """Metadata of a public call, as the edge sets it, for an account that may have its own limit of streams."""
        return ((IDENTITY_HEADER, self._accounts.identity_token(account_id, KEY, max_streams=max_streams)),)

    def refreshed(self, account_id: int, moment: int) -> tuple[tuple[str, str], ...]:
        """Metadata of a public call with a session that has come to permit something else at a moment (0: never)."""
        return ((IDENTITY_HEADER, self._accounts.identity_token(account_id, KEY, refreshed=moment)),)

    def person(self, account_id: int, person: str, *permissions: str) -> tuple[tuple[str, str], ...]:
        """Metadata of a public call of somebody with these permissions."""
        user = UserIdentity(person, person, "user", frozenset(permissions))
        return ((IDENTITY_HEADER, self._accounts.identity_token(account_id, KEY, ("tasks:read", "tasks:write"), user=user)),)

    def worker(self, account_id: int = 0) -> tuple[tuple[str, str], ...]:
        """Metadata of a worker's call."""
        return Caller(self._signers["inference"]).on_behalf_of(account_id)

    def joined(self, urn: str, account_id: int = 0) -> tuple[tuple[str, str], ...]:
        """Metadata of a call of a worker that has joined, by its full name, with a key and a delegation of its own."""
        folder = self._folder / urn.rpartition(":")[2]
        if not folder.exists():
            folder.mkdir()
            own = Keys(folder).signer("inference", trusted=False)
            (folder / "delegation").write_text(self._accounts.delegation(urn, own._key.public_key()))
        delegated = Signer("inference", folder / "inference.pem", delegated=HeldDelegation(folder / "delegation"))
        return Caller(delegated).on_behalf_of(account_id)

    def files_service(self) -> tuple[tuple[str, str], ...]:
        """Metadata of a call by the files service."""
        return Caller(self._signers["files"]).on_behalf_of(0)

    def gateway(self, account_id: int) -> tuple[tuple[str, str], ...]:
        """Metadata of a call by the gateway."""
        return Caller(self._signers["gateway"]).on_behalf_of(account_id)

    def accounts(self, account_id: int) -> tuple[tuple[str, str], ...]:
        """Metadata of a call by the accounts service."""
        return Caller(self._signers["accounts"]).on_behalf_of(account_id)

    async def _lane_of(self, task_id: int) -> str:
        connection = await asyncpg.connect(self._settings["database_url"].replace("+asyncpg", ""))
        try:
            return str(await connection.fetchval("SELECT lane FROM task WHERE id = $1", task_id))
        finally:
            await connection.close()


class Replica:
    """Stubs to one replica."""

    def __init__(
        self, public: grpc.aio.Channel, internal: grpc.aio.Channel, stop: asyncio.Event, lane_of: Callable[[int], Awaitable[str]]
    ) -> None:
        self.lane_of = lane_of
        self.tasks = tasks_service_pb2_grpc.TasksServiceStub(public)
        self.balance = balance_service_pb2_grpc.BalanceServiceStub(public)
        self.batches = batches_service_pb2_grpc.BatchesServiceStub(public)
        self.pilio_batches = batches_pb2_grpc.BatchesServiceStub(public)
        self.webhooks = webhooks_service_pb2_grpc.WebhooksServiceStub(public)
        self.images = images_pb2_grpc.ImagesServiceStub(public)
        self.pdfs = pdfs_pb2_grpc.PdfsServiceStub(public)
        self.pilio_tasks = tasks_pb2_grpc.TasksServiceStub(public)
        self.account_tasks = account_tasks_pb2_grpc.AccountTasksServiceStub(public)
        self.attempts = attempt_service_pb2_grpc.AttemptServiceStub(internal)
        self.pipelines: pipelines_service_pb2_grpc.PipelinesServiceAsyncStub = pipelines_service_pb2_grpc.PipelinesServiceStub(public)
        self.rest_pipelines = pipelines_pb2_grpc.PipelinesServiceStub(public)
        self.departures = departure_service_pb2_grpc.DepartureServiceStub(internal)
        self.runs = run_service_pb2_grpc.RunServiceStub(internal)
        self._usage = usage_part_service_pb2_grpc.UsagePartServiceStub(internal)
        self.public, self.stop = public, stop

    async def create(
        self,
        metadata: tuple[tuple[str, str], ...],
        *inputs: int,
        operations: Sequence[operation_pb2.Operation] = (NOOP,),
        priority: int = 0,
        webhook_url: str = "",
        input_urls: Sequence[str] = (),
    ) -> task_pb2.Task:
        """Create a task; a noop without inputs unless told otherwise."""
        request = tasks_service_pb2.CreateTaskRequest(
            operations=operations, input_file_ids=inputs, priority=priority, webhook_url=webhook_url, input_urls=input_urls
        )
        return (await self.tasks.CreateTask(request, metadata=metadata)).task

    async def usage(self, metadata: tuple[tuple[str, str], ...]) -> usage_part_service_pb2.GetPartResponse:
        """The service's part of an account's usage."""
        return await self._usage.GetPart(usage_part_service_pb2.GetPartRequest(), metadata=metadata)

    async def get(self, metadata: tuple[tuple[str, str], ...], task_id: int) -> task_pb2.Task:
        """The current state of a task."""
        return (await self.tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=task_id), metadata=metadata)).task

    async def started(self, metadata: tuple[tuple[str, str], ...], task_id: int) -> attempt_service_pb2.Admission:
        """The task, given to a worker that has a free slot for each task whose turn comes first, and then leaves."""
        async with worker_on(self.attempts, metadata, await self.lane_of(task_id)) as worker:
            for count in itertools.count(1):
                await worker.ask()
                admission = (await worker.given(count))[-1]
                if admission.task_id == task_id:
                    return admission
        raise AssertionError

    async def complete(self, metadata: tuple[tuple[str, str], ...], task_id: int, attempt: int = 1, **success: Any) -> bool:
        """Report an attempt's success as its worker; whether the service accepts it."""
        return await self._end(metadata, task_id, attempt, success=success)

    async def fail(
        self, metadata: tuple[tuple[str, str], ...], task_id: int, attempt: int = 1, *, handed_back: bool = False, **failure: Any
    ) -> bool:
        """Report an attempt's failure as its worker, or hand it back; whether the service accepts it."""
        return await self._end(metadata, task_id, attempt, **{"handed_back" if handed_back else "failure": failure})

    async def _end(self, metadata: tuple[tuple[str, str], ...], task_id: int, attempt: int, **end: Any) -> bool:
        async with worker_on(self.attempts, metadata, await self.lane_of(task_id)) as worker:
            await worker.say(ends=[attempt_service_pb2.AttemptEnd(task_id=task_id, attempt=attempt, **end)])
            return (await worker.answered(task_id))[task_id]


async def eventually(read: Callable[[], Awaitable[T]], true: Callable[[T], bool], seconds: float = 20) -> T:
    """What `read` gives as soon as it is as it should be; fails when it is not for that long."""
    value: T | None = None
    try:
        async with asyncio.timeout(seconds):
            while not true(value := await read()):
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"still {value!r} after {seconds} s") from None
    return value


def error_of(error: grpc.aio.AioRpcError) -> tuple[str, str | None, str]:
    """Reason, field and message of a call's error."""
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info) if detail.Is(info.DESCRIPTOR) else detail.Unpack(bad)
    return info.reason, bad.field_violations[0].field if bad.field_violations else None, status.message


async def _ready(serving: asyncio.Task[None], *channels: grpc.aio.Channel) -> None:
    ready = asyncio.gather(*(channel.channel_ready() for channel in channels))
    done, _ = await asyncio.wait({serving, ready}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    if ready not in done:
        ready.cancel()
        if serving in done:
            await serving
        raise AssertionError("the service did not become ready")
