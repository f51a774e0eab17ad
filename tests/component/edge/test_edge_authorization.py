"""Who gets through, and as whom."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from typing import Any

import grpc
import httpx
import pytest

from darkroom.common.v1.surface_pb2 import KeyScheme
from darkroom.tasks.v1 import tasks_service_pb2, tasks_service_pb2_grpc
from services.platform.errors import MISSING, DarkroomError, ErrorReason, from_rpc
from services.platform.rpc import catalogue
from services.platform.rpc.surfaces import render_error
from tests.component.edge.conftest import Edge

REST = catalogue.surface("rest")
NO_KEY = "No API key was sent. Send it in a header: {}"
REFUSED = {"code": 1402, "message": "Invalid token", "data": {"error_code": "api_key_invalid"}}
UNKNOWN_KEY = "dk_sk_" + "0" * 43


def ways(keys: Iterable[KeyScheme]) -> str:
    """How to send a key, as a refusal says it."""
    return " or ".join(dict.fromkeys(f"{key.header}: {f'{key.scheme} ' if key.scheme else ''}…" for key in keys))


async def test_every_method_asks_for_a_key_in_the_words_of_its_surface(edge: Edge, http: httpx.AsyncClient) -> None:
    """But those that say that they need none."""
    for route in catalogue.routes():
        if not catalogue.is_anonymous(route.method):
            reply = await http.request(route.verb, re.sub(r"\{[^}]*\}", "7", route.template.text))
            error = DarkroomError(ErrorReason.API_KEY_INVALID, NO_KEY.format(ways(route.surface.keys)), metadata={"kind": MISSING})
            expected = render_error(route.surface, error, reply.headers["x-request-id"])
            assert (reply.status_code, reply.json()) == expected, route.method.full_name
    async with grpc.aio.insecure_channel(edge.target) as channel:
        for service in catalogue.services_of(catalogue.surface("native")):
            for method in service.methods:
                if not catalogue.is_anonymous(method):
                    call: Any = channel.unary_unary(f"/{service.full_name}/{method.name}", bytes)
                    with pytest.raises(grpc.aio.AioRpcError) as refused:
                        await call(b"")
                    assert from_rpc(refused.value).reason is ErrorReason.API_KEY_INVALID, method.full_name
    assert edge.upstream.calls == 0


@pytest.mark.parametrize("form", REST.keys, ids=lambda form: form.header)
async def test_key_is_accepted_wherever_the_surface_says(edge: Edge, http: httpx.AsyncClient, form: KeyScheme) -> None:
    reply = await http.get("/v1/tasks/1/status", headers={form.header: f"{form.scheme} {edge.account.api_key}".strip()})
    assert reply.status_code == 200
    assert reply.json()["data"]["error_message"] == edge.account.id


async def test_key_does_not_reach_the_service(edge: Edge, http: httpx.AsyncClient) -> None:
    await http.get("/v1/tasks/1/status", headers={**edge.headers, "x-api-key": edge.account.api_key})
    assert "authorization" not in edge.upstream.metadata
    assert "x-api-key" not in edge.upstream.metadata
    assert edge.account.api_key not in json.dumps(edge.upstream.metadata)


async def test_no_part_behind_the_edge_sees_a_key(edge: Edge, http: httpx.AsyncClient, edge_settings: dict[str, Any]) -> None:
    """In no header that any surface reads, on no way through the edge."""
    form = next(route for route in catalogue.routes() if catalogue.takes_form(route.method) and route.surface.name == REST.name)
    gateway: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gateway.append(head := await reader.readuntil(b"\r\n\r\n"))
        # A connection that is closed before all has been read is reset, and the answer lost.
        if (length := re.search(rb"content-length: (\d+)", head)) is not None:
            await reader.readexactly(int(length[1]))
        elif b"transfer-encoding: chunked" in head:
            await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()

    keys = dict.fromkeys(catalogue.key_headers(), edge.account.api_key) | edge.headers
    async with await asyncio.start_unix_server(answer, edge_settings["edge_gateway"].removeprefix("unix:")):
        reply = await http.request(form.verb, re.sub(r"\{[^}]*\}", "7", form.template.text), headers=keys, files={"file": b"x"})
    assert reply.status_code == 200
    [form_head] = [head for head in gateway if b"multipart/form-data" in head]
    assert b"x-darkroom-identity: " in form_head
    assert edge.account.api_key.encode() not in form_head
    async with grpc.aio.insecure_channel(edge.target) as channel:
        tasks = tasks_service_pb2_grpc.TasksServiceStub(channel)
        await tasks.GetTask(tasks_service_pb2.GetTaskRequest(task_id=1), metadata=tuple(keys.items()))
        assert edge.account.api_key not in json.dumps(edge.upstream.metadata)
        async for _ in tasks.WatchTask(tasks_service_pb2.WatchTaskRequest(task_id=1), metadata=tuple(keys.items())):
            break
        assert edge.account.api_key not in json.dumps(edge.upstream.metadata)
    assert (await http.get("/v1/tasks/1/status", headers=keys)).status_code == 200
    assert not edge.upstream.metadata.keys() & set(catalogue.key_headers())
    assert edge.account.api_key not in json.dumps(edge.upstream.metadata)


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "QUERY", "PROPFIND"])
async def test_every_verb_is_asked_about(edge: Edge, http: httpx.AsyncClient, method: str) -> None:
    assert (await http.request(method, "/v1/tasks/1/status")).status_code in (400, 401)
    assert (await http.request(method, "/v1/tasks/1/status", headers=edge.headers)).status_code in (400, 404, 405)
    assert edge.upstream.calls == 0


@pytest.mark.parametrize("path", ["/readyz", "/check", "/check/v1/tasks/1/status", "/check/readyz"])
async def test_the_paths_of_the_listener_mean_nothing_to_clients(edge: Edge, http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 401
    assert (await http.get(path, headers=edge.headers)).status_code == 404


async def test_path_and_headers_arrive_as_they_were_sent(edge: Edge) -> None:
    """Whatever characters Envoy lets through, the question can be read."""

    async def status(line: str, header: bytes = b"") -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        key = f"\r\nhost: x\r\nx-api-key: {edge.account.api_key}\r\nconnection: close\r\n".encode()
        writer.write(line.encode("latin-1") + key + header + b"\r\n")
        head = await reader.read()
        writer.close()
        return int(head.split(b" ", 2)[1])

    assert await status("GET /v1/tasks/1/status?a=\xe9&b=%00%0d%0a HTTP/1.1") == 400
    assert await status("GET /v1/tasks/1/status?b=%e9%00%0d%0a HTTP/1.1") == 200
    assert await status("GET /v1/tasks/1/status HTTP/1.1", b"content-type: \xff\t\xe9\r\n") == 200
    assert await status(f"GET /v1/tasks/1/status?{'x' * 7000} HTTP/1.1") == 200
    assert await status(f"GET /v1/tasks/1/status?{'x' * 50_000} HTTP/1.1") == 431


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": f"Bearer {UNKNOWN_KEY}"},
        {"authorization": "Bearer"},
        {"authorization": "Basic dXNlcjpwYXNz"},
        {"x-api-key": "not a key"},
        {"x-api-key": UNKNOWN_KEY},
    ],
)
async def test_refusal_is_to_the_letter(edge: Edge, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    reply = await http.get("/v1/tasks/1/status", headers=headers)
    assert reply.status_code == 401
    assert reply.json() == (REFUSED if headers else {**REFUSED, "message": NO_KEY.format(ways(REST.keys))})
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["www-authenticate"] == "Bearer"
    assert reply.headers["x-request-id"]
    assert edge.upstream.calls == 0


@pytest.mark.parametrize("path", ["/v1", "/v1/nothing", "/v2/x", "/darkroom.tasks.v1.TasksService/GetTask", "/v1/tasks/1/../2/status"])
async def test_no_path_is_open(edge: Edge, http: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        reply = await http.request(method, path)
        assert reply.status_code == 401, (method, path)
    assert edge.upstream.calls == 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_the_root_is_open_to_readers_only(edge: Edge, http: httpx.AsyncClient, method: str) -> None:
    assert (await http.request(method, "/")).status_code == 401


async def test_refusal_outside_a_surface_is_neutral(http: httpx.AsyncClient) -> None:
    reply = await http.get("/elsewhere")
    message = NO_KEY.format(ways([key for surface in catalogue.surfaces() for key in surface.keys]))
    assert reply.json() == {"error": {"reason": "API_KEY_INVALID", "message": message}}


async def test_spoofed_identity_is_removed(edge: Edge, http: httpx.AsyncClient) -> None:
    spoofed = {"x-darkroom-identity": "spoofed", "x-error-body": "spoofed", "x-http-status": "500"}
    # The edge would obey these from a client that it took for a service.
    spoofed |= {"x-envoy-upstream-rq-timeout-ms": "spoofed", "x-envoy-retry-on": "spoofed", "x-envoy-original-path": "spoofed"}
    assert (await http.get("/v1/tasks/1/status", headers=spoofed)).status_code == 401
    reply = await http.get("/v1/tasks/1/status", headers={**spoofed, **edge.headers})
    assert reply.status_code == 200
    assert reply.json()["data"]["error_message"] == edge.account.id
    assert "spoofed" not in edge.upstream.metadata.values()


async def test_request_id_is_the_edge_s_own_and_reaches_the_service(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.get("/v1/tasks/1/status", headers={**edge.headers, "x-request-id": "chosen"})
    assert reply.headers["x-request-id"] != "chosen"
    assert edge.upstream.metadata["x-request-id"] == reply.headers["x-request-id"]


async def test_revoked_key_is_refused_within_seconds(edge: Edge, http: httpx.AsyncClient) -> None:
    key = json.loads(edge.accounts.admin("accounts", "create-key", "--account", edge.account.id, "--name", "doomed"))
    headers = {"x-api-key": key["key"]}
    assert (await http.get("/v1/tasks/1/status", headers=headers)).status_code == 200
    edge.accounts.admin("accounts", "revoke-key", "--key", key["id"])
    # Less than the 20 seconds for which accounts remembers an identity.
    deadline = time.monotonic() + 15
    while (await http.get("/v1/tasks/1/status", headers=headers)).status_code != 401:
        assert time.monotonic() < deadline, "the key still works"
    assert (await http.get("/v1/tasks/1/status", headers=edge.headers)).status_code == 200


async def test_a_crowd_that_comes_at_once_is_let_in(edge: Edge) -> None:
    key = (("authorization", f"Bearer {edge.account.api_key}"),)
    request = tasks_service_pb2.GetTaskRequest(task_id=1)
    async with AsyncExitStack() as stack:
        # A connection has room for a hundred calls at a time.
        options = (("grpc.use_local_subchannel_pool", 1),)
        channels = [await stack.enter_async_context(grpc.aio.insecure_channel(edge.target, options)) for _ in range(5)]
        stubs = [tasks_service_pb2_grpc.TasksServiceStub(channel) for channel in channels]
        calls = (stub.GetTask(request, metadata=key, timeout=30) for stub in stubs for _ in range(100))
        assert len(await asyncio.gather(*calls)) == 500
