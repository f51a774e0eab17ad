"""Bodies that are refused while clients that read nothing before they have sent everything are still sending."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from edge.settings import EdgeSettings
from tests.component.edge.conftest import Edge

# More than the socket buffers of both ends take in together.
BODY = b" " * (24 * 1024**2)
LONGEST_TO_THE_END = EdgeSettings.model_fields["edge_drain_limit"].default
UPSCALE = "/v1/images/upscale"


async def answer(edge: Edge, method: str, path: str, *headers: str, body: bytes) -> tuple[int, dict[str, object]]:
    """Status and body of the answer, read after everything has been sent."""

    def exchange() -> bytes:
        with socket.create_connection(("127.0.0.1", edge.port), timeout=60) as connection:
            connection.sendall("\r\n".join((f"{method} {path} HTTP/1.1", f"host: {edge.target}", *headers, "", "")).encode() + body)
            received = b""
            while not (head := received.partition(b"\r\n\r\n"))[1]:
                received += connection.recv(65536) or pytest.fail("the connection was closed without an answer")
            length = int(head[0].lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            while len(received) < len(head[0]) + 4 + length:
                received += connection.recv(65536) or pytest.fail("the answer is cut short")
            return received

    head, _, content = (await asyncio.to_thread(exchange)).partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(content)


def announced(length: int) -> str:
    return f"content-length: {length}"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_json_body(edge: Edge, chunked: bool) -> None:
    framing = "transfer-encoding: chunked" if chunked else announced(len(BODY))
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY) if chunked else BODY
    status, reply = await answer(edge, "POST", UPSCALE, f"x-api-key: {edge.account.api_key}", framing, body=body)
    assert (status, reply["code"]) == (413, 41300)
    assert edge.upstream.calls == 0


async def test_an_upload(edge: Edge) -> None:
    url = httpx.URL(edge.presigner.put("refused", 60))
    an_hour_ago = f"{datetime.now(UTC) - timedelta(hours=1):%Y%m%dT%H%M%SZ}"
    urls = {
        "The request body is too large.": str(url),
        "The body is longer than this URL allows": edge.presigner.put("refused", 60, most_bytes=1000),
        "This URL has expired.": str(url.copy_set_param("X-Amz-Date", an_hour_ago)),
    }
    for message, to in urls.items():
        status, reply = await answer(edge, "PUT", to.removeprefix(edge.url), announced(len(BODY)), body=BODY)
        assert status == (403 if "expired" in message else 413)
        assert message in str(reply["error"])


async def test_a_very_long_one_is_refused_at_once(edge: Edge) -> None:
    """Nobody has to send that much to learn that it is too much."""
    headers = (f"x-api-key: {edge.account.api_key}", announced(LONGEST_TO_THE_END + 1))
    for method, path in (("POST", UPSCALE), ("PUT", edge.presigner.put("x", 60).removeprefix(edge.url))):
        assert (await answer(edge, method, path, *headers, body=b""))[0] == 413
