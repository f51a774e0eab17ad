"""The files service's domain on real PostgreSQL and real object storage, and the whole service beside them with NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.files.__main__ import serve
from services.files.assembly import assemble, probing_children
from services.files.config import FilesSettings
from services.files.object_client import store_of
from services.files.prober import Prober
from services.files.tasks_client import TasksClient
from services.platform.bus import connect
from services.platform.database import Database, engine
from services.platform.identity import Signer
from services.platform.object_http import object_http
from services.platform.object_writing import ObjectWriter
from services.platform.rpc.channel import Caller, channel
from services.platform.rpc.server import Mount, listening
from services.platform.sandbox import Sandbox
from tests.component.files.tasks_service import MadeUpTasks
from tests.component.files.world import MovableClock, Service, World
from tests.harness.aws_storage import AwsStorage, aws_storage
from tests.harness.databases import MigratedDatabases
from tests.harness.parts import stack_with
from tests.harness.sandboxes import SharedSandboxes
from tests.stacks import ObjectStorage
from tests.unit.platform.keys import Keys


@pytest.fixture(scope="session")
def aws() -> Iterator[AwsStorage]:
    """Object storage with AWS's habits."""
    with aws_storage() as started:
        yield started


@pytest.fixture
def object_storage(request: pytest.FixtureRequest) -> ObjectStorage:
    """A server and an empty bucket; of another kind than rclone where a test says so, by the parameter `aws`."""
    if getattr(request, "param", "") == "aws":
        storage: AwsStorage = request.getfixturevalue("aws")
        return storage.create_bucket()
    return stack_with(request, "s3").create_bucket()


@pytest.fixture
def signing(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def migrated(migrated_databases: MigratedDatabases) -> Iterator[str]:
    """An empty files database."""
    with migrated_databases.new("files") as url:
        yield url


@pytest.fixture
async def made_up_tasks(signing: Keys, tmp_path: Path) -> AsyncIterator[tuple[MadeUpTasks, str, Signer]]:
    """A tasks service on a Unix socket, and the key that files signs with."""
    tasks, signer = MadeUpTasks(), signing.signer("files")
    mount = Mount(tasks)
    address = f"unix:{tmp_path}/tasks"
    async with listening("internal", address, [mount], signing.verifier()):
        yield tasks, address, signer


@pytest.fixture
def settings(migrated: str, object_storage: ObjectStorage, made_up_tasks: tuple[MadeUpTasks, str, Signer], tmp_path: Path) -> FilesSettings:
    return FilesSettings(
        listen=f"unix:{tmp_path}/public",
        internal_listen=f"unix:{tmp_path}/internal",
        nats_url="nats://unused",
        signing_key_file=tmp_path / "files.pem",
        trusted_keys_file=tmp_path / "trusted.json",
        database_url=migrated,
        tasks_address=made_up_tasks[1],
        s3_endpoint=object_storage.endpoint,
        s3_public_endpoint=object_storage.endpoint,
        s3_access_key=object_storage.access_key,
        s3_secret_key=object_storage.secret_key,
        s3_bucket=object_storage.bucket,
        drain_notice=0,
    )


@pytest.fixture
async def sandbox(sandboxes: SharedSandboxes) -> AsyncIterator[Sandbox]:
    async with sandboxes(preload=["services.pictures.probe.child"], concurrency=4) as started:
        yield started


@pytest.fixture
async def world(settings: FilesSettings, sandbox: Sandbox, made_up_tasks: tuple[MadeUpTasks, str, Signer]) -> AsyncIterator[World]:
    tasks, address, signer = made_up_tasks
    clock = MovableClock()
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(engine(settings.database_url, 10))
        objects = await stack.enter_async_context(store_of(settings))
        client = TasksClient(await stack.enter_async_context(channel(address)), Caller(signer))
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=30))
        transfers = await stack.enter_async_context(object_http())
        children = await stack.enter_async_context(probing_children(settings, sandbox))
        prober, writer = Prober(sandbox, children, transfers), ObjectWriter(transfers)
        files = assemble(settings, Database(database), objects, prober, client, writer, clock)
        yield World(files, settings, database, objects, clock, tasks, prober, client, http, writer)


@pytest.fixture
async def service(
    settings: FilesSettings, signing: Keys, nats_url: str, sandboxes: SharedSandboxes, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Service]:
    monkeypatch.setattr("services.files.__main__.Sandbox", sandboxes)
    accounts, tasks, worker = (signing.signer(issuer) for issuer in ("accounts", "tasks", "inference"))
    signing.verifier()  # writes the trusted keys
    settings, stop = settings.model_copy(update={"nats_url": nats_url}), asyncio.Event()
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(connect(nats_url, "test", 1))
        serving = asyncio.create_task(serve(settings, stop))
        public = await stack.enter_async_context(channel(settings.listen))
        internal = await stack.enter_async_context(channel(settings.internal_listen))
        for each in (public, internal):
            reply = await health_pb2_grpc.HealthStub(each).Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=30)
            assert reply.status == health_pb2.HealthCheckResponse.SERVING
        yield Service(public, internal, bus, accounts, Caller(tasks), Caller(worker))
        stop.set()
        await serving
