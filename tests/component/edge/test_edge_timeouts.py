"""Clients that keep what they have begun open: each kind of waiting has an end, and event streams go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest

from darkroom.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc
from edge.settings import EdgeSettings
from services.files.presign import Presigner
from tests.component.edge.conftest import envoy
from tests.component.edge.upstream import Upstream
from tests.harness.parts import stack_with
from tests.stacks import Account

LIMITS = {
    "edge_headers_timeout": 1,
    "edge_idle_timeout": 2,
    "edge_request_timeout": 3,
    "edge_transfer_idle_timeout": 1,
    "edge_transfer_timeout": 3,
}


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, *lines: str) -> None:
        self._writer.write("\r\n".join(lines).encode())

    async def end(self) -> bytes:
        """What arrives until the edge closes the connection."""
        async with asyncio.timeout(60):
            return await self._reader.read()

    async def status(self) -> int:
        async with asyncio.timeout(60):
            return int((await self._reader.readline()).split()[1])

    async def dripping(self) -> tuple[int, dict[str, Any]]:
        """The answer to a body that comes a byte at a time."""

        async def drip() -> None:
            while True:
                self._writer.write(b" ")
                await asyncio.sleep(0.2)

        async with asyncio.timeout(60):
            dripping = asyncio.create_task(drip())
            try:
                head = await self._reader.readuntil(b"\r\n\r\n")
            finally:
                dripping.cancel()
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            return int(head.split()[1]), json.loads(await self._reader.readexactly(length))


@pytest.fixture
async def impatient(
    request: pytest.FixtureRequest, edge_settings: dict[str, Any], upstream: Upstream
) -> AsyncIterator[tuple[EdgeSettings, Presigner]]:
    s3 = stack_with(request, "s3")
    storage = await asyncio.to_thread(s3.create_bucket)
    chosen = EdgeSettings(**edge_settings | LIMITS, s3_endpoint=storage.endpoint, s3_bucket=storage.bucket)
    async with envoy(chosen):
        yield chosen, Presigner(str(chosen.public_url), storage.bucket, "us-east-1", storage.access_key, storage.secret_key)


async def test_every_wait_has_an_end_but_that_for_events(
    impatient: tuple[EdgeSettings, Presigner], customer: Account, upstream: Upstream
) -> None:
    """In one test, since the waits run beside each other."""
    settings, presigner = impatient
    host, _, port = settings.edge_listen.rpartition(":")
    key, url = f"x-api-key: {customer.api_key}", presigner.put("slow", 60)
    path = url.removeprefix(str(settings.public_url))
    put = [f"PUT {path} HTTP/1.1", f"host: {settings.edge_listen}", "content-length: 1000", "", ""]
    async with AsyncExitStack() as stack:

        async def client() -> Client:
            reader, writer = await asyncio.open_connection(host, int(port))
            stack.callback(writer.close)
            return Client(reader, writer)

        channel = await stack.enter_async_context(grpc.aio.insecure_channel(settings.edge_listen))
        watch = tasks_service_pb2_grpc.TasksServiceStub(channel).WatchTask(
            tasks_service_pb2.WatchTaskRequest(task_id=1), metadata=(("x-api-key", customer.api_key),)
        )
        await watch.read()
        silent, begun, idle, body, stalled, slow = [await client() for _ in range(6)]
        begun.send("GET /v1/tasks/7/status HTTP/1.1", "host: x")
        idle.send("GET /healthz HTTP/1.1", "host: x", "", "")
        body.send("POST /v1/images/upscale HTTP/1.1", "host: x", key, "content-length: 1000", "", "")
        stalled.send(*put)
        slow.send(*put)
        dripped, dripped_upload = asyncio.create_task(body.dripping()), asyncio.create_task(slow.dripping())
        assert await silent.end() == b""
        assert await begun.status() == 408
        assert (await idle.end()).startswith(b"HTTP/1.1 200")
        assert await stalled.status() == 408
        assert (await dripped)[0] == 408
        assert (await dripped)[1]["data"] == {"error_code": "malformed_request"}
        assert (await dripped_upload)[0] == 408
        assert not upstream.watch_ended.is_set()
        assert upstream.calls == 1
