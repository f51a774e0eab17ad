"""What Envoy writes at the log level of an installation: its access log, and its own words about requests that go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from edge.settings import EdgeSettings
from services.accounts.domain.keys import make_key
from services.files.presign import Presigner
from tests.component.edge.conftest import UPLOAD_LIMIT, Edge, envoy
from tests.component.edge.upstream import Upstream
from tests.harness.parts import stack_with
from tests.stacks import Account

UPSCALE = "/v1/images/upscale"
# What stands in a presigned URL and nowhere else.
PRESIGNED = re.compile(r"X-Amz-|x-darkroom-max-bytes|(?i:signature)|[0-9a-f]{64}")


class Storage:
    """Passes bytes on to the object storage, or does what a failing one does."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = urlsplit(endpoint)
        self._answer: bytes | None = None
        self._open: set[asyncio.StreamWriter] = set()

    def answers(self, answer: bytes | None) -> None:
        """Answer each request with this in place of the storage's words, and then reset the connection; None: pass on again."""
        self._answer = answer
        for writer in self._open:
            reset(writer)
        self._open.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._answer is not None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._answer)
            await writer.drain()
            reset(writer)
            return
        self._open.add(writer)
        theirs, ours = await asyncio.open_connection(self._endpoint.hostname, self._endpoint.port)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(self._pass(reader, ours), self._pass(theirs, writer))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while piece := await source.read(65536):
            sink.write(piece)
            await sink.drain()
        sink.close()


def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Client:
    """Sends what no library would send."""

    def __init__(self, settings: EdgeSettings) -> None:
        self._host, _, port = settings.edge_listen.rpartition(":")
        self._port = int(port)

    async def send(self, *lines: str, body: bytes = b"", then: Callable[[asyncio.StreamWriter], None] | None = None) -> bytes:
        """The beginning of the answer; nothing if the connection is reset by `then` or by the edge."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write("\r\n".join((*lines, "", "")).encode("latin-1") + body)
        await writer.drain()
        if then is not None:
            then(writer)
            return b""
        try:
            async with asyncio.timeout(60):
                return await reader.read(65536)
        except ConnectionError:
            return b""
        finally:
            writer.close()


@pytest.fixture
async def logged(
    request: pytest.FixtureRequest, edge_settings: dict[str, Any], upstream: Upstream
) -> AsyncIterator[tuple[EdgeSettings, Presigner, Storage, Path]]:
    """An edge of the test's own, whose object storage fails when it is told to."""
    bucket = await asyncio.to_thread(stack_with(request, "s3").create_bucket)
    storage = Storage(bucket.endpoint)
    server = await asyncio.start_server(storage.serve, "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    chosen = EdgeSettings(**edge_settings, edge_headers_timeout=1, edge_log_reads=True, s3_endpoint=endpoint, s3_bucket=bucket.bucket)
    async with server, envoy(chosen) as log:
        yield chosen, Presigner(str(chosen.public_url), bucket.bucket, "us-east-1", bucket.access_key, bucket.secret_key), storage, log


async def test_no_line_holds_a_key_or_what_signs_a_url(
    logged: tuple[EdgeSettings, Presigner, Storage, Path], customer: Account, upstream: Upstream
) -> None:
    settings, presigner, storage, log = logged
    url, client, wrong = str(settings.public_url), Client(settings), make_key().secret
    host = f"host: {settings.edge_listen}"
    put, get = presigner.put("picture", 600), presigner.get("picture", 600)
    put_path, get_path = put.removeprefix(url), get.removeprefix(url)
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y%m%dT%H%M%SZ}"
    expired = str(httpx.URL(get).copy_set_param("X-Amz-Date", yesterday))
    content = bytes(UPLOAD_LIMIT)
    seen: dict[str, int] = {}

    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:

        async def ask(what: str, method: str, to: str, **options: Any) -> None:
            seen[what] = (await http.request(method, to, **options)).status_code

        await ask("upload", "PUT", put, content=content)
        await ask("download", "GET", get)
        await ask("part", "GET", get, headers={"range": "bytes=5-9"})
        await ask("bad range", "GET", get, headers={"range": f"bytes={2 * UPLOAD_LIMIT}-"})
        await ask("too large", "PUT", put, content=content + b"x")
        await ask("too long", "PUT", presigner.put("picture", 600, most_bytes=10), content=b"x" * 11)
        await ask("not a length", "PUT", put.replace("?", f"?x-darkroom-max-bytes={'9' * 400}&"), content=b"x")
        await ask("expired", "GET", expired)
        await ask("expired upload", "PUT", str(httpx.URL(put).copy_set_param("X-Amz-Date", yesterday)), content=content)
        await ask("no date", "GET", str(httpx.URL(get).copy_set_param("X-Amz-Date", "9" * 200)))
        await ask("tampered", "GET", get.replace("/picture?", "/other?"))
        await ask("other verb", "DELETE", get)
        await ask("long headers", "GET", get, headers={"x-filler": "x" * 70_000})
        await ask("many headers", "GET", get, headers={f"x-{number}": "x" for number in range(200)})
        await ask("key in the query", "GET", f"/v1/tasks/1/status?api_key={customer.api_key}", headers={"x-api-key": customer.api_key})
        for name, key in (("wrong key", wrong), ("no JSON", customer.api_key)):
            await ask(name, "POST", UPSCALE, headers={"authorization": f"Bearer {key}"}, content=b"{")
        await ask(
            "large JSON",
            "POST",
            f"{UPSCALE}?api_key={customer.api_key}",
            headers={"x-api-key": customer.api_key},
            content=b" " * 2 * 1024**2,
        )

    for answer in (
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nx-filler: " + b"x" * 90_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ):
        storage.answers(answer)
        await client.send(f"GET {get_path} HTTP/1.1", host)
        await client.send(f"PUT {put_path} HTTP/1.1", host, "content-length: 1", body=b"x")
    storage.answers(None)

    put_lines = [f"PUT {put_path} HTTP/1.1", host]
    await client.send(*put_lines, f"content-length: {len(content)}", body=content[: len(content) // 2], then=reset)
    await client.send(*put_lines, f"content-length: {1 << 40}")
    await client.send(*put_lines, "transfer-encoding: chunked", body=b"zz\r\n")
    await client.send(*put_lines, "transfer-encoding: gzip, xchunked", body=b"x")
    await client.send(*put_lines, "content-length: -1")
    await client.send(*put_lines, "content-length: 5", "content-length: 6", body=b"123456")
    await client.send(*put_lines, "content-length: 5", "transfer-encoding: chunked", body=b"0\r\n\r\n")
    await client.send(f"GET {get_path} HTTP/1.1", host, then=reset)
    await client.send(f"GET {get_path} HTTP/1.1")
    await client.send(f"GET {get_path} HTTP/3.7", host)
    await client.send(f"GET {get_path}#fragment HTTP/1.1", host)
    await client.send(f"GET {get_path} x HTTP/1.1", host)
    await client.send(f"GET {get_path}\x00 HTTP/1.1", host)
    await client.send(f"GET {get_path} HTTP/1.0")
    await client.send(f"GET {get} HTTP/1.1", host)
    await client.send(f"CONNECT {get_path} HTTP/1.1", host)
    await client.send(f"G@T {get_path} HTTP/1.1", host)
    await client.send(f"GET {get_path} HTTP/1.1", host, "connection: upgrade", "upgrade: websocket")
    await client.send(f"GET {get_path} HTTP/1.1", host, "no colon here")
    await client.send(f"GET {get_path} HTTP/1.1", host, f"x-\x01: {wrong}", f"authorization: Bearer {wrong}\x01")
    await client.send(f"GET {get_path}{'&x=y' * 20_000} HTTP/1.1", host)
    await client.send(f"POST {UPSCALE} HTTP/1.1", host, f"x-api-key: {customer.api_key}", "content-length: 100", body=b"{", then=reset)
    await client.send("GET /last HTTP/1.1", host)

    assert {
        "upload": 200,
        "download": 200,
        "part": 206,
        "too large": 413,
        "too long": 413,
        "expired": 403,
        "wrong key": 401,
    }.items() <= seen.items()
    async with asyncio.timeout(60):
        while '"path":"/last"' not in (text := log.read_text()):
            await asyncio.sleep(0.1)
    assert "upstream_reset" in text, "no storage failed"
    leaks = [line for line in text.splitlines() if PRESIGNED.search(line) or customer.api_key in line or wrong in line or "?" in line]
    assert leaks == []


async def test_reads_that_go_well_leave_no_line(edge: Edge) -> None:
    async with httpx.AsyncClient(base_url=edge.url, trust_env=False, timeout=60) as http:
        read = await http.get("/v1/tasks/1/status", headers=edge.headers)
        refused = await http.get("/v1/tasks/missing/status", headers=edge.headers)
        anonymous = await http.get("/v1/tasks/1/status")
        written = await http.post(UPSCALE, headers=edge.headers, json={"image_file_id": "1"})
        file = await http.put(edge.presigner.put("logged", 60), content=b"x")
    ids = [reply.headers["x-request-id"] for reply in (read, refused, anonymous, written, file)]
    assert [reply.status_code for reply in (read, refused, anonymous, written, file)] == [200, 404, 401, 200, 200]
    async with asyncio.timeout(60):
        while not all(id in (text := edge.log.read_text()) for id in ids[1:]):
            await asyncio.sleep(0.1)
    assert ids[0] not in text
