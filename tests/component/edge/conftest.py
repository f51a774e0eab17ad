"""Real Envoy, accounts and object storage, with services behind them that do as they are told."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from darkroom.rest.v1 import files_pb2_grpc
from deploy.local.config import tool
from deploy.local.scratch.ports import free_port
from edge.render import render
from edge.settings import EdgeSettings
from services.common.identity import Verifier
from services.common.rpc.server import Mount, listening
from services.files.presign import Presigner
from tests.component.edge.upstream import Upstream
from tests.harness.parts import stack_with
from tests.stacks import Account, ObjectStorage, StackUnderTest

START_SECONDS = 120.0
UPLOAD_LIMIT = 3 * 1024**2
REFLECTED = ("darkroom.tasks.v1.TasksService",)


@dataclass(frozen=True)
class Edge:
    """A running edge."""

    port: int
    account: Account
    upstream: Upstream
    storage: ObjectStorage
    presigner: Presigner
    log: Path
    accounts: StackUnderTest

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.account.api_key}"}


@asynccontextmanager
async def envoy(settings: EdgeSettings) -> AsyncIterator[Path]:
    """Envoy with these settings; yields its log once it answers on the public port."""
    file = render(settings)
    log = file.with_name("envoy.log")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(tool("envoy"), "-c", str(file), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    scheme = "https" if settings.tls_dir else "http"
    try:
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient(verify=False, trust_env=False) as client:
            while not await _answers(client, f"{scheme}://{settings.edge_listen}/healthz"):
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield log
    finally:
        process.terminate()
        await process.wait()


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


@pytest.fixture
def accounts(request: pytest.FixtureRequest) -> StackUnderTest:
    """A running accounts service with its database and bus."""
    return stack_with(request, "accounts")


@pytest.fixture
def edge_settings(accounts: StackUnderTest, tmp_path: Path) -> dict[str, Any]:
    """Settings for an edge before `upstream`. Nothing listens where files should, unless a test asks for `files`."""
    port = free_port()
    return {
        "out": tmp_path / "envoy",
        "edge_listen": f"127.0.0.1:{port}",
        "edge_accounts": accounts.address("accounts"),
        "accounts_address": accounts.internal_address("accounts"),
        "edge_files": f"unix:{tmp_path}/files.sock",
        "edge_tasks": f"unix:{tmp_path}/tasks.sock",
        "edge_upload_limit": UPLOAD_LIMIT,
        "public_url": f"http://127.0.0.1:{port}",
    }


@pytest.fixture(scope="session")
def customers() -> dict[Path, Account]:
    """One account for each stack."""
    return {}


@pytest.fixture
def customer(accounts: StackUnderTest, customers: dict[Path, Account]) -> Account:
    if accounts.dir not in customers:
        customers[accounts.dir] = accounts.create_account("customer")
    return customers[accounts.dir]


@pytest.fixture
async def upstream(accounts: StackUnderTest, edge_settings: dict[str, Any]) -> AsyncIterator[Upstream]:
    """Services at the address of tasks, behind the interceptor that every service has."""
    told = Upstream()
    verifier = Verifier(Path(accounts.settings("accounts")["DARKROOM_TRUSTED_KEYS_FILE"]))
    async with listening("public", edge_settings["edge_tasks"], told.mounts(), verifier, REFLECTED):
        yield told


@pytest.fixture
async def files(accounts: StackUnderTest, edge_settings: dict[str, Any]) -> AsyncIterator[None]:
    """A files service that does nothing, for tests of what the edge itself says of a request."""
    mount = Mount(files_pb2_grpc.FilesServiceServicer())
    verifier = Verifier(Path(accounts.settings("accounts")["DARKROOM_TRUSTED_KEYS_FILE"]))
    async with listening("public", edge_settings["edge_files"], [mount], verifier):
        yield


@pytest.fixture
async def edge(
    accounts: StackUnderTest, customer: Account, edge_settings: dict[str, Any], upstream: Upstream, object_storage: ObjectStorage
) -> AsyncIterator[Edge]:
    settings = EdgeSettings(**edge_settings, s3_endpoint=object_storage.endpoint, s3_bucket=object_storage.bucket)
    keys = (object_storage.access_key, object_storage.secret_key)
    async with envoy(settings) as log:
        port = int(settings.edge_listen.rpartition(":")[2])
        presigner = Presigner(str(settings.public_url), object_storage.bucket, "us-east-1", *keys)
        yield Edge(port, customer, upstream, object_storage, presigner, log, accounts)


@pytest.fixture
async def http(edge: Edge) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with httpx.AsyncClient(base_url=edge.url, trust_env=False, timeout=90) as client:
        yield client
