"""Forms over connections that break, and refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from darkroom.backoff import Backoff
from darkroom.calls import Calls
from darkroom.connection import Server
from darkroom.content import open_content
from darkroom.failures import ApiError, ConnectionFailed, DarkroomFailure, InternalError, InvalidRequest, PermissionDenied, Unavailable
from darkroom.form_calls import FormCalls, refusal
from darkroom.transfer import Transfers

DONE = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok":true}'
LATER = b"HTTP/1.1 429 Too Many\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BUSY = b"HTTP/1.1 503 Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BROKEN = b""


@asynccontextmanager
async def answering(replies: Sequence[bytes]) -> AsyncIterator[tuple[FormCalls, list[bytes]]]:
    """A server that answers requests in this way, and the bodies that it got."""
    waiting, bodies = list(replies), list[bytes]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        assert "authorization: bearer key" in head
        bodies.append(await reader.readexactly(int(head.partition("content-length: ")[2].split("\r\n")[0])))
        writer.write(waiting.pop(0))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1")
    backoff = Backoff(attempts=3, first_seconds=0.001)
    transfers = Transfers(backoff)
    calls = Calls(Server(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "key"), backoff)
    try:
        yield FormCalls(calls, transfers), bodies
    finally:
        await transfers.close()
        await calls.channel.close()
        server.close()


@pytest.mark.parametrize(
    ("replies", "raised", "requests"),
    [
        ([DONE], None, 1),
        ([LATER, LATER, DONE], None, 3),
        ([LATER] * 3, ApiError, 3),
        ([BROKEN, DONE], ConnectionFailed, 1),
        ([BUSY, DONE], Unavailable, 1),
    ],
    ids=["done", "later", "never", "broken", "busy"],
)
async def test_only_what_was_not_begun_is_repeated(replies: Sequence[bytes], raised: type[DarkroomFailure] | None, requests: int) -> None:
    moved: list[int] = []
    async with answering(replies) as (forms, bodies):
        with open_content(b"content" * 100_000, 'a "b"\r\n.png') as content:
            if raised is None:
                assert await forms.post("/x", {"pipeline": "[]"}, content, moved.append) == {"ok": True}
            else:
                with pytest.raises(raised):
                    await forms.post("/x", {"pipeline": "[]"}, content, moved.append)
    assert len(bodies) == requests
    assert all(b'filename="a \\"b\\"  .png"\r\n\r\ncontent' in body and b'name="pipeline"\r\n\r\n[]\r\n' in body for body in bodies)
    assert sum(moved) == (0 if raised else 700_000)


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason", "text"),
    [
        (400, '{"error": "No image file provided"}', InvalidRequest, "FIELD_INVALID", "No image file provided"),
        (403, '{"error": "Forbidden", "code": "FORBIDDEN"}', PermissionDenied, "PERMISSION_DENIED", "Forbidden"),
        (403, '{"error": "No", "code": "MUST_CHANGE_PASSWORD"}', ApiError, "PASSWORD_CHANGE_REQUIRED", "No"),
        (418, "[]", InvalidRequest, "FIELD_INVALID", "The server answered HTTP 418."),
        (500, '{"error": "Internal server error"}', InternalError, "INTERNAL", "Internal server error"),
        (502, "<html>", Unavailable, "UNAVAILABLE", "The server answered HTTP 502."),
    ],
)
def test_refusals(status: int, body: str, kind: type[DarkroomFailure], reason: str, text: str) -> None:
    failure = refusal(httpx.Response(status, text=body, headers={"x-request-id": "7"}))
    assert isinstance(failure, kind)
    assert (failure.reason, str(failure), failure.request_id) == (reason, text, "7")


def test_what_else_a_refusal_says() -> None:
    failure = refusal(httpx.Response(422, json={"error": "Step 2 (crop): no", "completedSteps": [{"step": 1}], "details": "why"}))
    assert isinstance(failure, InvalidRequest)
    assert failure.metadata == {"details": "why", "completed_steps": '[{"step": 1}]'}
