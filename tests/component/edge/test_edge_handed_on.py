"""A surface that the gateway answers over HTTP: what reaches it, as whom, and what its clients get."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest

from deploy.local.scratch.ports import free_port
from deploy.topology import PUBLIC
from edge.settings import EdgeSettings
from services.common.rpc import catalogue
from services.files.presign import Presigner
from tests.component.edge.conftest import UPLOAD_LIMIT, envoy
from tests.component.edge.handed_on import KEY, LIMITS, Checks, Gateway, behind
from tests.harness.parts import stack_with

ORIGIN = "https://app.example.com"
SECURE = dict(catalogue.surface("snapotter").reply_headers)


@dataclass(frozen=True)
class HandedOn:
    http: httpx.AsyncClient
    gateway: Gateway
    checks: Checks
    presigner: Presigner
    port: int


@pytest.fixture(scope="module")
async def edge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[HandedOn]:
    """An edge with real storage behind it."""
    folder = tmp_path_factory.mktemp("handed-on")
    storage = await asyncio.to_thread(stack_with(request, "s3").create_bucket)
    port = free_port()
    settings = EdgeSettings(
        out=folder / "envoy",
        edge_listen=f"127.0.0.1:{port}",
        authorization_address=f"unix:{folder}/check.sock",
        s3_endpoint=storage.endpoint,
        s3_bucket=storage.bucket,
        public_url="https://media.example.com",
        edge_cors_origins=ORIGIN,
        edge_upload_limit=UPLOAD_LIMIT,
        **{f"edge_{name}": f"unix:{folder}/{name}.sock" for name in PUBLIC},
    )
    presigner = Presigner(str(settings.public_url), storage.bucket, "us-east-1", storage.access_key, storage.secret_key)
    async with AsyncExitStack() as stack:
        gateway, checks = await stack.enter_async_context(behind(f"unix:{folder}/gateway.sock", settings.authorization_address))
        await stack.enter_async_context(envoy(settings))
        http = httpx.AsyncClient(base_url=f"http://{settings.edge_listen}", trust_env=False, timeout=30)
        yield HandedOn(await stack.enter_async_context(http), gateway, checks, presigner, port)


def is_secured(reply: httpx.Response) -> bool:
    """Whether a reply has the headers that every one of the surface's has."""
    return all(reply.headers.get_list(name) == [value] for name, value in SECURE.items())


async def stored(edge: HandedOn, key: str, content: bytes) -> None:
    """Put an object where the edge's URLs are signed for."""
    url = httpx.URL(edge.presigner.put(key, 60))
    put = await edge.http.put(url.raw_path.decode(), content=content)
    assert put.status_code == 200, put.text


async def test_any_path_and_verb_is_the_gateways(edge: HandedOn) -> None:
    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        for path in ("/api/v1/tools/resize", "/api", "/api/auth/login", "/api/v1/nothing/at/all?x=1&y=%20", "/api/v1/health"):
            reply = await edge.http.request(verb, path, headers=KEY)
            seen = reply.json()
            assert (reply.status_code, seen["verb"]) == (201 if verb == "POST" else 200, verb), path
            assert seen["path"] + (f"?{seen['query']}" if seen["query"] else "") == path
            assert is_secured(reply)
            assert {name: reply.headers[name] for name in LIMITS} == LIMITS
    assert (await edge.http.head("/api/v1/health")).status_code == 200


async def test_a_download_comes_from_storage(edge: HandedOn) -> None:
    content = os.urandom(300_000)
    await stored(edge, "out/1", content)
    disposition = 'attachment; filename="a%20b.png"'
    edge.gateway.redirects["/api/v1/download/1/a%20b.png"] = edge.presigner.get(
        "out/1", 60, disposition=disposition, media_type="image/png"
    )
    reply = await edge.http.get("/api/v1/download/1/a%20b.png")
    print(reply.status_code, reply.headers, reply.content[:300])
    assert (reply.status_code, reply.content) == (200, content)
