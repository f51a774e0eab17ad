"""Real Envoy, accounts and object storage, with services behind them that do as they are told."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from darkroom.rest.v1 import files_pb2_grpc
from deploy.local.config import tool
from deploy.local.scratch.resources import free_port
from edge.render import arguments, render
from edge.settings import EdgeSettings
from services.files.presign import Presigner
from services.platform.identity import Verifier
from services.platform.rpc.server import Mount, listening
from tests.component.edge.storekeeper import Processor
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
    # Appended to, as Envoy opens its standard output once more for the access log.
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(tool("envoy"), *arguments(file), "--concurrency", "1", "--file-flush-interval-msec", "100"),
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


class Edges:
    """The edges that tests of one process share: one for each stack whose accounts service answers, and for each list of CORS origins."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._customers: dict[Path, Account] = {}
        self._upstreams: dict[Path, Upstream] = {}
        self._edges: dict[tuple[Path, str], Edge] = {}

    def customer(self, accounts: StackUnderTest) -> Account:
        """An account of a stack."""
        if accounts.dir not in self._customers:
            self._customers[accounts.dir] = accounts.create_account("customer")
        return self._customers[accounts.dir]

    def settings(self, accounts: StackUnderTest) -> dict[str, Any]:
        """Settings for an edge before the upstream of a stack. Nothing listens where the gateway should."""
        folder = self._folder / accounts.dir.name
        folder.mkdir(exist_ok=True)
        port = free_port()
        return {
            "out": folder / str(port),
            "edge_listen": f"127.0.0.1:{port}",
            "edge_accounts": accounts.address("accounts"),
            "authorization_address": accounts.settings("accounts")["DARKROOM_AUTHORIZATION_LISTEN"],
            "edge_files": f"unix:{folder}/files.sock",
            "edge_tasks": f"unix:{folder}/tasks.sock",
            "edge_gateway": f"unix:{folder}/gateway.sock",
            "edge_upload_limit": UPLOAD_LIMIT,
            "public_url": f"http://127.0.0.1:{port}",
        }

    async def upstream(self, accounts: StackUnderTest) -> Upstream:
        """Services at the address of tasks, behind the interceptor that every service has; at that of files one that does nothing but let
        uploads pass."""
        if accounts.dir not in self._upstreams:
            told, settings, verifier = Upstream(), self.settings(accounts), _verifier(accounts)
            files = [Mount(files_pb2_grpc.FilesServiceServicer()), Mount(told.storekeeper), Mount(Processor(told.storekeeper))]
            await self._stack.enter_async_context(listening("public", settings["edge_tasks"], told.mounts(), verifier, REFLECTED))
            await self._stack.enter_async_context(listening("public", settings["edge_files"], files, verifier))
            self._upstreams[accounts.dir] = told
        return self._upstreams[accounts.dir]

    async def edge(self, accounts: StackUnderTest, s3: StackUnderTest, cors_origins: str) -> Edge:
        """A running edge before the object storage of a stack."""
        key = (accounts.dir, cors_origins)
        if key not in self._edges:
            storage = await asyncio.to_thread(s3.create_bucket)
            chosen = self.settings(accounts) | {"edge_cors_origins": cors_origins}
            settings = EdgeSettings(**chosen, s3_endpoint=storage.endpoint, s3_bucket=storage.bucket)
            log = await self._stack.enter_async_context(envoy(settings))
            port = int(settings.edge_listen.rpartition(":")[2])
            presigner = Presigner(str(settings.public_url), storage.bucket, "us-east-1", storage.access_key, storage.secret_key)
            customer = await asyncio.to_thread(self.customer, accounts)
            self._edges[key] = Edge(port, customer, await self.upstream(accounts), storage, presigner, log, accounts)
        return self._edges[key]


def _verifier(accounts: StackUnderTest) -> Verifier:
    return Verifier(Path(accounts.settings("accounts")["DARKROOM_TRUSTED_KEYS_FILE"]))


@pytest.fixture(scope="session")
async def edges(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edges]:
    async with AsyncExitStack() as stack:
        yield Edges(tmp_path_factory.mktemp("edges"), stack)


@pytest.fixture
def accounts(request: pytest.FixtureRequest) -> StackUnderTest:
    """A stack with a running accounts service."""
    return stack_with(request, "accounts")


@pytest.fixture
def customer(edges: Edges, accounts: StackUnderTest) -> Account:
    return edges.customer(accounts)


@pytest.fixture
def edge_settings(edges: Edges, accounts: StackUnderTest) -> dict[str, Any]:
    """Settings for an edge of the test's own, before `upstream`."""
    return edges.settings(accounts)


@pytest.fixture
def cors_origins() -> str:
    """Origins that the edge lets in."""
    return ""


@pytest.fixture
async def upstream(edges: Edges, accounts: StackUnderTest) -> Upstream:
    told = await edges.upstream(accounts)
    told.reset()
    return told


@pytest.fixture
async def edge(request: pytest.FixtureRequest, edges: Edges, accounts: StackUnderTest, cors_origins: str, upstream: Upstream) -> Edge:
    """A running edge, which other tests use as well. `upstream` starts afresh."""
    return await edges.edge(accounts, stack_with(request, "s3"), cors_origins)


@pytest.fixture
async def http(edge: Edge) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with httpx.AsyncClient(base_url=edge.url, trust_env=False, timeout=90) as client:
        yield client
