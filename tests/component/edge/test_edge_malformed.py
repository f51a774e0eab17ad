"""Requests that no well-meaning client sends: each is the client's fault, and is answered as such."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import grpc
import httpx
import pytest

from services.platform.errors import ErrorReason, from_rpc
from tests.component.edge.conftest import Edge
from tests.component.edge.test_edge_errors import assert_envelope

STATUS = "/v1/tasks/7/status"


@dataclass(frozen=True)
class Raw:
    """A reply as it came over the wire."""

    status: int
    body: str


async def sent(edge: Edge, *lines: bytes, body: bytes = b"", key: bool = True) -> Raw:
    """What the edge answers to lines that no HTTP library would send."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    authorization = [f"authorization: {edge.headers['authorization']}".encode()] if key else []
    writer.write(b"\r\n".join([*lines, *authorization, b"host: edge", b"connection: close", b"", body]))
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        text = (await reader.readexactly(length)).decode()
    writer.close()
    return Raw(int(head.split()[1]), text)


@pytest.mark.parametrize(
    "path", ["/v1/tasks/%ff/status", "/v1/tasks/a%c0%80/status", "/v1/tasks/%ed%a0%80/status", "/v1/tasks?page_token=%ff"]
)
async def test_text_that_is_not_utf8(edge: Edge, http: httpx.AsyncClient, path: str) -> None:
    reply = await http.get(path, headers=edge.headers)
    assert "UTF-8" in assert_envelope(reply, 400, ErrorReason.MALFORMED_REQUEST)
    assert edge.upstream.calls == 0


async def test_text_with_a_nul(edge: Edge, http: httpx.AsyncClient) -> None:
    reply = await http.get("/v1/tasks/a%00b/status", headers=edge.headers)
    data = {"error_code": "field_invalid", "field": "id"}
    assert assert_envelope(reply, 400, ErrorReason.FIELD_INVALID, data) == "id: must not contain the character U+0000"
    assert edge.upstream.calls == 0


@pytest.mark.parametrize("path", ["/v1/tasks/%/status", "/v1/tasks/%zz/status", "/v1/tasks/7/status?%ff=1"])
async def test_what_is_odd_but_can_be_read(edge: Edge, http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path, headers=edge.headers)).status_code == 200


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {"cookie": "a" * 12_000}),
        ("", {"x-a": "a" * 5_000, "x-b": "a" * 5_000}),
        ("", {"idempotency-key": "a" * 30_000}),
        ("?x=" + "a" * 20_000, {}),
    ],
    ids=["cookie", "two", "idempotency key", "query"],
)
async def test_url_and_headers_have_a_limit(edge: Edge, http: httpx.AsyncClient, query: str, headers: dict[str, str]) -> None:
    reply = await http.get(STATUS + query, headers={**edge.headers, **headers})
    data = {"error_code": "malformed_request"}
    assert "too large" in assert_envelope(reply, 431, ErrorReason.MALFORMED_REQUEST, data)
    outside = await http.get("/nothing" + query, headers={**edge.headers, **headers})
    assert (outside.status_code, outside.json()["error"]["reason"]) == (431, "MALFORMED_REQUEST")
    async with grpc.aio.insecure_channel(edge.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            metadata = [*edge.headers.items(), *headers.items(), ("x-query", query)]
            await channel.unary_unary("/darkroom.tasks.v1.TasksService/GetTask")(b"", metadata=metadata)
    assert from_rpc(raised.value).reason is ErrorReason.MALFORMED_REQUEST
    assert edge.upstream.calls == 0


async def test_what_fits_reaches_the_service_without_cookies(edge: Edge, http: httpx.AsyncClient) -> None:
    headers = {
        "cookie": "a" * 3_000,
        "x-large": "a" * 4_000,
        "x-foo-bin": "!",
        "x#%|~": "a",
        "grpc-timeout": "zz",
        "grpc-encoding": "zz",
        "te": "zz",
    }
    assert (await http.get(STATUS, headers={**edge.headers, **headers})).status_code == 200
    assert edge.upstream.metadata["x-large"] == "a" * 4_000
    assert not {"cookie", "x-foo-bin", "x-header-bytes"} & edge.upstream.metadata.keys()


@pytest.mark.parametrize("count", range(80, 104, 2))
async def test_too_many_headers(edge: Edge, http: httpx.AsyncClient, count: int) -> None:
    """Near the limit, what the edge itself adds must not count against the client as its own defect."""
    reply = await http.get(STATUS, headers={**edge.headers, **{f"x-{number}": "a" for number in range(count)}})
    assert reply.status_code in ((200,) if count < 84 else (431,) if count > 96 else (200, 431))


@pytest.mark.parametrize(
    ("lines", "body", "status"),
    [
        ([b"POST /v1/images/upscale HTTP/1.1", b"transfer-encoding: xchunked"], b"0\r\n\r\n", 501),
        ([b"POST /v1/images/upscale HTTP/1.1", b"transfer-encoding: gzip, chunked"], b"0\r\n\r\n", 501),
        ([b"POST /v1/images/upscale HTTP/1.1", b"transfer-encoding: chunked", b"content-length: 5"], b"0\r\n\r\n", 400),
        ([b"POST /v1/images/upscale HTTP/1.1", b"content-length: 2", b"content-length: 3"], b"{} ", 400),
        ([b"POST /v1/images/upscale HTTP/1.1", b"content-length: -1"], b"", 400),
        ([b"POST /v1/images/upscale HTTP/1.1", b"content-length: " + b"9" * 30], b"", 400),
        ([b"POST /v1/images/upscale HTTP/1.1", b"transfer-encoding: chunked"], b"zz\r\n\r\n", 400),
        ([b"BREW /v1/tasks/7/status HTTP/1.1"], b"", 400),
        ([b"G@T /v1/tasks/7/status HTTP/1.1"], b"", 400),
        ([b"GET /v1/tasks/\xff/status HTTP/1.1"], b"", 400),
        ([b"GET /v1/tasks/7/status HTTP/1.0"], b"", 426),
        ([b"GET /v1/tasks/7/status HTTP/1.1", b"a b: c"], b"", 400),
        ([b"GET /v1/tasks/7/status HTTP/1.1", b"a: b\0c"], b"", 400),
        ([b"GET /v1/tasks/7/status HTTP/1.1", b"upgrade: websocket", b"connection: upgrade"], b"", 400),
        ([b"TRACE /v1/tasks/7/status HTTP/1.1"], b"", 405),
    ],
)
async def test_malformed_http(edge: Edge, lines: list[bytes], body: bytes, status: int) -> None:
    reply = await sent(edge, *lines, body=body)
    assert reply.status == status
    assert '"reason":"MALFORMED_REQUEST"' in reply.body or '"error_code":"m' in reply.body
    assert edge.upstream.calls == 0


async def test_odd_bytes_in_headers(edge: Edge) -> None:
    for name in (b"x-a", b"user-agent", b"x-forwarded-for", b"traceparent", b"range", b"accept", b"content-type"):
        assert (await sent(edge, b"GET /v1/tasks/7/status HTTP/1.1", name + b": \xff")).status == 200
    assert (await sent(edge, b"GET /v1/tasks/7/status HTTP/1.1", b"authorization: Bearer \xff", key=False)).status == 401


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x0a\xff\xff\xff\xff\x0f"])
async def test_what_is_no_message_over_grpc(edge: Edge, data: bytes) -> None:
    calls = ["/darkroom.tasks.v1.TasksService/GetTask", "/darkroom.tasks.v1.TasksService/WatchTask", "/grpc.health.v1.Health/Check"]
    reflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    async with grpc.aio.insecure_channel(edge.target) as channel:
        for method in [*calls, reflection]:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                async for _ in channel.stream_stream(method)(iter([data]), metadata=[*edge.headers.items()]):
                    pass
            assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT, (method, raised.value)
            assert "pb2" not in str(raised.value.details())
            assert "Error parsing" not in str(raised.value.details())
    assert edge.upstream.calls == 0
