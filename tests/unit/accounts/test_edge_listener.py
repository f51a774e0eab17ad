"""What the listener for the edge takes and answers, byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from services.accounts.domain.admission import Admission
from services.accounts.domain.authentication import KeyAuthenticator
from services.accounts.domain.keys import make_key
from services.accounts.records import KeyOwner
from services.accounts.surfaces.edge import listener
from services.platform.errors import DarkroomError, ErrorReason
from services.platform.telemetry.health import Check, Health
from tests.unit.accounts.limits import unlimited

KEY = make_key()
ASKED = f"GET /check/v1/tasks/1/status HTTP/1.1\r\nhost: edge\r\nX-Api-Key: {KEY.secret}\r\ncontent-length: 0\r\n\r\n".encode()
PASSED = b"HTTP/1.1 200 OK\r\nx-darkroom-identity: 3/7\r\ncontent-length: 0\r\n\r\n"
SECONDS = 30


async def _found(digest: bytes) -> KeyOwner | None:
    return KeyOwner(key_id=7, account_id=3) if digest == KEY.digest else None


@asynccontextmanager
async def answering(
    folder: Path, find: Callable[[bytes], Awaitable[KeyOwner | None]] = _found, health: Health | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a running listener."""
    authenticator = KeyAuthenticator(find, lambda owner, now: f"{owner.account_id}/{owner.key_id}", lambda key_id, now: None)
    path = folder / "check.sock"
    async with listener.listening(f"unix:{path}", Admission(authenticator, unlimited()), health or Health(), SECONDS):
        reader, writer = await asyncio.open_unix_connection(path)
        yield reader, writer
        writer.close()


async def reply(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """The status, headers and body of a reply."""
    start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(start.split(" ")[1]), headers, await reader.readexactly(int(headers["content-length"]))


async def test_questions_are_answered_in_order_however_they_arrive(tmp_path: Path) -> None:
    async with answering(tmp_path) as (reader, writer):
        writer.write(ASKED * 3)
        assert await reader.readexactly(len(PASSED) * 3) == PASSED * 3
        for byte in ASKED:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert await reader.readexactly(len(PASSED)) == PASSED


async def test_many_questions_at_once_are_not_all_kept(tmp_path: Path) -> None:
    """More than the listener reads ahead."""
    count = 2 * listener._LONGEST_HEAD // len(ASKED)
    async with answering(tmp_path) as (reader, writer):
        writer.write(ASKED * count)
        assert await reader.readexactly(len(PASSED) * count) == PASSED * count


async def test_a_refusal_has_a_body_but_for_head(tmp_path: Path) -> None:
    async with answering(tmp_path) as (reader, writer):
        writer.write(b"POST /check/v1/images/upscale?x=y HTTP/1.1\r\n\r\nHEAD /check/v1 HTTP/1.1\r\n\r\n")
        status, headers, body = await reply(reader)
        assert (status, headers["content-type"], headers["www-authenticate"]) == (401, "application/json", "Bearer")
        assert json.loads(body)["code"] == 1402
        assert (await reply(reader))[0::2] == (401, b"")


async def test_repeated_headers_are_one_value(tmp_path: Path) -> None:
    """So that of two keys none is picked."""
    async with answering(tmp_path) as (reader, writer):
        writer.write(f"GET /check/v1 HTTP/1.1\r\nx-api-key: {KEY.secret}\r\nx-api-key: {KEY.secret}\r\n\r\n".encode())
        assert (await reply(reader))[0] == 401


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00\xa5\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /check/v1 HTTP/1.0\r\n\r\n",
        b"GET check HTTP/1.1\r\n\r\n",
        b"GET /check/v1 HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /check/v1 HTTP/1.1\r\nname : x\r\n\r\n",
        b"GET /check/v1 HTTP/1.1\r\nname: x\r\n folded\r\n\r\n",
        b"GET /check/v1 HTTP/1.1\r\nname: x\ny: z\r\n\r\n",
        b"GET /check/v1 HTTP/1.1\r\nname: \0\r\n\r\n",
        b"POST /check/v1 HTTP/1.1\r\ncontent-length: 1\r\n\r\nx",
        b"POST /check/v1 HTTP/1.1\r\ncontent-length: 0\r\ncontent-length: 5\r\n\r\nabcde",
        b"POST /check/v1 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /check/v1 HTTP/1.1\r\nname: " + b"x" * listener._LONGEST_HEAD,
    ],
)
async def test_anything_else_ends_the_connection_without_an_answer(tmp_path: Path, sent: bytes) -> None:
    async with answering(tmp_path) as (reader, writer):
        writer.write(sent)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""


@pytest.mark.parametrize("path", ["/", "/check", "/checks/v1", "/v1/tasks/1/status", "/readyz?", "/check/../readyz"])
async def test_only_questions_let_a_request_pass(tmp_path: Path, path: str) -> None:
    async with answering(tmp_path) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        assert (await reply(reader))[0] in (401, 404)


async def test_readiness(tmp_path: Path) -> None:
    async def fails() -> None:
        raise OSError

    health = Health([Check("database", fails)])
    async with answering(tmp_path, health=health) as (reader, writer):
        writer.write(b"GET /readyz HTTP/1.1\r\n\r\n")
        assert (await reply(reader))[0] == 503
    async with answering(tmp_path) as (reader, writer):
        writer.write(b"GET /readyz HTTP/1.1\r\n\r\n")
        assert (await reply(reader))[0] == 200


@pytest.mark.parametrize(("raised", "status"), [(DarkroomError(ErrorReason.UNAVAILABLE, "away"), 503), (RuntimeError("/secret"), 500)])
async def test_what_cannot_be_decided_is_no_refusal(tmp_path: Path, raised: Exception, status: int) -> None:
    """The edge makes both 503."""

    async def fails(digest: bytes) -> KeyOwner | None:
        raise raised

    async with answering(tmp_path, fails) as (reader, writer):
        writer.write(ASKED)
        assert (await reply(reader))[0::2] == (status, b"")


async def test_a_question_in_flight_is_answered_before_the_end(tmp_path: Path) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(digest: bytes) -> KeyOwner | None:
        asked.set()
        await answer.wait()
        return await _found(digest)

    authenticator = KeyAuthenticator(slow, lambda owner, now: "token", lambda key_id, now: None)
    path, end = tmp_path / "check.sock", asyncio.Event()

    async def serve() -> None:
        async with listener.listening(f"unix:{path}", Admission(authenticator, unlimited()), Health(), SECONDS):
            opened.set()
            await end.wait()

    opened = asyncio.Event()
    serving = asyncio.create_task(serve())
    await opened.wait()
    idle, _ = await asyncio.open_unix_connection(path)
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(ASKED)
    await asked.wait()
    end.set()
    assert await idle.read() == b""
    assert not serving.done()
    answer.set()
    status, headers, _ = await reply(reader)
    assert (status, headers["connection"]) == (200, "close")
    await serving
