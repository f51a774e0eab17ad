"""Storage that goes by its own name: the edge asks it by that name, whatever clients call the edge."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest

from deploy.local.scratch.resources import free_port
from edge.settings import EdgeSettings
from edge.topology import PUBLIC
from services.files.presign import Presigner
from services.platform.bucket_address import Addressing
from tests.component.edge.conftest import envoy
from tests.component.edge.handed_on import KEY, Checks, Gateway, behind
from tests.component.edge.storekeeper import storekeeping
from tests.harness.aws_storage import aws_storage
from tests.harness.parts import stack_with
from tests.harness.storage_proxy import StorageProxy, storage_proxy

PUBLIC_URL = "https://media.example.com"


@dataclass(frozen=True)
class Named:
    """An edge, and the storage behind it."""

    http: httpx.AsyncClient
    gateway: Gateway
    checks: Checks
    presigner: Presigner
    storage: StorageProxy
    bucket: str
    addressing: Addressing

    @property
    def name(self) -> str:
        """By which the storage goes."""
        host = f"localhost:{self.storage.port}"
        return f"{self.bucket}.{host}" if self.addressing == "virtual" else host

    def path(self, url: str) -> str:
        """Path and query of a URL that clients get."""
        assert url.startswith(f"{PUBLIC_URL}/{self.bucket}/")
        return httpx.URL(url).raw_path.decode()


@pytest.fixture(params=["path", "virtual"])
async def named(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Named]:
    folder, addressing = tmp_path_factory.mktemp("named"), request.param
    async with AsyncExitStack() as stack:
        if addressing == "path":
            # It checks signatures, and with them the name.
            bucket = await asyncio.to_thread(stack_with(request, "s3").create_bucket)
        else:
            bucket = await asyncio.to_thread(stack.enter_context(aws_storage()).create_bucket)
        storage = await stack.enter_async_context(storage_proxy(bucket.endpoint))
        endpoint = f"http://localhost:{storage.port}"
        settings = EdgeSettings(
            out=folder / "envoy",
            edge_listen=f"127.0.0.1:{free_port()}",
            authorization_address=f"unix:{folder}/check.sock",
            s3_endpoint=endpoint,
            s3_bucket=bucket.bucket,
            s3_signed_for="storage",
            s3_addressing=addressing,
            public_url=PUBLIC_URL,
            **{f"edge_{name}": f"unix:{folder}/{name}.sock" for name in PUBLIC},
        )
        presigner = Presigner(endpoint, bucket.bucket, "us-east-1", bucket.access_key, bucket.secret_key, addressing, PUBLIC_URL)
        gateway, checks = await stack.enter_async_context(behind(f"unix:{folder}/gateway.sock", settings.authorization_address))
        await stack.enter_async_context(storekeeping(f"unix:{folder}/files.sock"))
        await stack.enter_async_context(envoy(settings))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://{settings.edge_listen}", trust_env=False, timeout=30))
        yield Named(http, gateway, checks, presigner, storage, bucket.bucket, addressing)


@pytest.mark.cases(1)
async def test_clients_use_the_edge_and_storage_hears_its_own_name(named: Named) -> None:
    content, key = os.urandom(100_000), "files/7/9-x_%20y"
    put = await named.http.put(named.path(named.presigner.put(key, 60)), content=content)
    assert put.status_code == 200, put.text
    got = await named.http.get(named.path(named.presigner.get(key, 60)))
    assert (got.status_code, got.content) == (200, content)
    assert {seen.headers["host"] for seen in named.storage.seen} == {named.name}
    within = f"/{named.bucket}/{key}" if named.addressing == "path" else f"/{key}"
    assert {seen.target.partition("?")[0] for seen in named.storage.seen} == {within}


@pytest.mark.thorough
@pytest.mark.cases(1)
async def test_a_download_that_the_gateway_leads_to(named: Named) -> None:
    content, path = os.urandom(1000), "/api/v1/download/1/a.png"
    assert (await named.http.put(named.path(named.presigner.put("out/1", 60)), content=content)).status_code == 200
    named.gateway.redirects[path] = named.presigner.get("out/1", 60)
    reply = await named.http.get(path, headers=KEY)
    assert (reply.status_code, reply.content) == (200, content)
    assert named.storage.seen[-1].headers["host"] == named.name
