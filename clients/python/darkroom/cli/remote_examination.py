"""Checks of a server from the client's side: the connection, the key, each service, and a file's round trip."""

from __future__ import annotations

import os
import ssl
import struct
import tempfile
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx

from darkroom.cli import choice
from darkroom.cli.account import credits_text
from darkroom.cli.exits import REFUSED, UNREACHABLE, advice_on, message_of, reason_of
from darkroom.cli.findings import Finding, Verdict
from darkroom.cli.installation import env_file
from darkroom.cli.options import connect
from darkroom.cli.own_version import own_version
from darkroom.client import AsyncClient
from darkroom.connection import KEY_VARIABLE, URL_VARIABLE, Server
from darkroom.failures import ApiError, ConnectionFailed, DarkroomFailure, TaskFailed
from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_background_pb2

_SIDE = 64
# The scopes for uploading a file, processing it and downloading the result.
_MAIN_JOB = ("files:write", "tasks:write", "tasks:read")


async def examine(*, paid: bool) -> AsyncIterator[Finding]:
    """The findings, in order. If a check fails that all others depend on, the rest are skipped. Raises ConnectionFailed if the connection
    is lost meanwhile."""
    try:
        server = choice.server()
    except ConnectionFailed as failure:
        yield Finding("settings", Verdict.BAD, str(failure), "Start a server here with `make up`, which writes .darkroom/env.", UNREACHABLE)
        return
    yield Finding("settings", Verdict.GOOD, _settings(server))
    reached = await _reached(server)
    yield reached
    if reached.verdict is Verdict.BAD:
        return
    yield await _version(server)
    async with connect() as client:
        key = await _checked("key", client, _account)
        yield key
        if key.verdict is Verdict.BAD:
            return
        for name, check in (
            ("scopes", _scopes),
            ("credits", _credits),
            ("files", _files),
            ("tasks", _tasks),
            ("storage", _storage),
            ("workers", _workers),
            *((("cut-out", _cutout),) if paid else ()),
        ):
            yield await _checked(name, client, check)
    yield await _surfaces(server)


def _source(variable: str, option: str | None) -> str:
    if option:
        return f"--{variable.removeprefix('DARKROOM_').lower().replace('_', '-')}"
    return variable if os.environ.get(variable) else str(env_file())


def _settings(server: Server) -> str:
    session, chosen = choice.session_in_use(), choice.chosen.get()
    if session is not None:
        return f"{server.url}, signed in as {session.user}"
    return f"{server.url} from {_source(URL_VARIABLE, chosen.url)}; key from {_source(KEY_VARIABLE, chosen.api_key)}"


async def _reached(server: Server) -> Finding:
    try:
        async with httpx.AsyncClient(timeout=10) as http:
            response = await http.get(f"{server.url}/healthz")
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        return Finding("address", Verdict.BAD, f"{server.url}: {error}", "Expected http://host:port or https://host:port.", UNREACHABLE)
    except httpx.TimeoutException:
        return Finding("address", Verdict.BAD, f"{server.url} does not answer", "Check the host, the port, and firewalls.", UNREACHABLE)
    except httpx.TransportError as error:
        return Finding("address", Verdict.BAD, f"{server.url}: {error}", _advice_on_transport(error), UNREACHABLE)
    if response.status_code != httpx.codes.OK or "ok" not in response.text:
        advice = "Another program listens there. Check the host and port."
        return Finding("address", Verdict.BAD, f"{server.url}/healthz answers HTTP {response.status_code}", advice, UNREACHABLE)
    milliseconds = response.elapsed.total_seconds() * 1000
    security = "TLS with a trusted certificate" if server.url.startswith("https:") else "without TLS"
    return Finding("address", Verdict.GOOD, f"answers in {milliseconds:.0f} ms, {security}")


def _advice_on_transport(error: httpx.TransportError) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "Set SSL_CERT_FILE and GRPC_DEFAULT_SSL_ROOTS_FILE_PATH to its authority, or use the host name in the certificate."
        cause = cause.__cause__ or cause.__context__
    text = str(error).lower()
    if "name" in text and ("resol" in text or "known" in text):
        return "The host name cannot be resolved. Check its spelling."
    if "ssl" in text:
        return "The server does not seem to use TLS; try http:// instead of https://."
    return "Nothing listens there. Check the host and port; on the server's machine, run `make status` and `make up`."


async def _version(server: Server) -> Finding:
    ours = own_version()
    try:
        async with httpx.AsyncClient(timeout=10) as http:
            theirs = str((await http.get(f"{server.url}/openapi.json")).raise_for_status().json()["info"]["version"])
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return Finding("version", Verdict.UNKNOWN, f"cannot read the server's version: {error}")
    major = theirs.split(".", maxsplit=1)[0]
    if ours.split(".", maxsplit=1)[0] != major:
        return Finding("version", Verdict.DOUBTFUL, f"server {theirs}, client {ours}", f"Install client {major}.x.")
    return Finding("version", Verdict.GOOD, f"server {theirs}, client {ours}")


async def _surfaces(server: Server) -> Finding:
    try:
        async with httpx.AsyncClient(timeout=10) as http:
            reply = await http.get(f"{server.url}/v1/system", headers=dict(server.metadata))
        found = reply.raise_for_status().json()["data"].get("surfaces")
    except (httpx.HTTPError, ValueError, KeyError):
        return Finding("surfaces", Verdict.UNKNOWN, "not read: only keys of the operator's own account may read /v1/system")
    if found is None:
        return Finding("surfaces", Verdict.UNKNOWN, "the server's version does not say which compatibility surfaces are on")
    return Finding("surfaces", Verdict.GOOD, f"/v1 and gRPC; compatibility surfaces: {', '.join(found) or 'none'}")


async def _checked(name: str, client: AsyncClient, check: Callable[[AsyncClient], Awaitable[str]]) -> Finding:
    """The finding of a check that returns what is good or raises what is wrong."""
    try:
        return Finding(name, Verdict.GOOD, await check(client))
    except _DoubtfulError as doubt:
        return Finding(name, Verdict.DOUBTFUL, str(doubt), doubt.advice)
    except _UnknownError as unknown:
        return Finding(name, Verdict.UNKNOWN, str(unknown))
    except DarkroomFailure as failure:
        reason = reason_of(failure)
        if reason == "PERMISSION_DENIED":
            return Finding(name, Verdict.UNKNOWN, f"not checked: {failure}", advice_on(reason))
        status = (
            REFUSED if reason in ("API_KEY_INVALID", "ADDRESS_NOT_ALLOWED") else UNREACHABLE if isinstance(failure, ConnectionFailed) else 1
        )
        advice = _ADVICE.get(name) or advice_on(reason)
        return Finding(name, Verdict.BAD, message_of(failure), advice, status)


_SERVICE_DOWN = "The edge answers but this service does not: on the server's machine, run `make status` and `make logs`."
_ADVICE = {
    "files": _SERVICE_DOWN,
    "tasks": _SERVICE_DOWN,
    "storage": "Clients transfer files by URLs from the server: its DARKROOM_S3_PUBLIC_ENDPOINT must be reachable from here.",
    "workers": "No worker takes tasks: on the server's machine, run `make status` and `make logs`.",
    "cut-out": "Run `darkroom doctor` on the server's machine to check workers and models.",
}


class _DoubtfulError(Exception):
    def __init__(self, detail: str, advice: str) -> None:
        super().__init__(detail)
        self.advice = advice


class _UnknownError(Exception):
    pass


async def _account(client: AsyncClient) -> str:
    account = await client.account()
    return f"account {account.name} ({account.id})"


async def _scopes(client: AsyncClient) -> str:
    if choice.session_in_use() is not None and (await client.sessions.get()).user.must_change_password:
        raise _DoubtfulError("none until the password has been changed", advice_on("PASSWORD_CHANGE_REQUIRED"))
    scopes = await client.scopes()
    missing = [scope for scope in _MAIN_JOB if scopes and scope not in scopes]
    if missing:
        held, lacked = ", ".join(scopes), " and ".join(missing)
        raise _DoubtfulError(f"{held}; to upload, process and download, the key lacks {lacked}", advice_on("PERMISSION_DENIED"))
    return ", ".join(scopes) or "all scopes"


async def _credits(client: AsyncClient) -> str:
    balance = await client.balance()
    if balance.unlimited:
        return "unlimited"
    if balance.available_millicredits <= 0:
        raise _DoubtfulError("none left", "Ask the operator for more: docs/explanation/credits.md.")
    return f"{credits_text(balance.available_millicredits)} available"


async def _files(client: AsyncClient) -> str:
    await client.list_files(1)
    return "answers"


async def _tasks(client: AsyncClient) -> str:
    await client.list_tasks(1)
    return "answers"


async def _storage(client: AsyncClient) -> str:
    """Upload a small picture, download it, compare, delete."""
    with tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
        source = Path(folder) / "doctor.png"
        source.write_bytes(_picture())
        file = await client.upload(source)
        try:
            (copy,) = await client.download([file.id], Path(folder) / "back")
            if copy.read_bytes() != source.read_bytes():
                raise ApiError("STORAGE", "a file came back with different content")
        finally:
            await client.delete_file(file.id)
    return "a file was uploaded, downloaded unchanged, and deleted"


async def _workers(client: AsyncClient) -> str:
    noop = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1))
    try:
        task = await client.create_task([], [noop])
    except ApiError as failure:
        if failure.reason == "OPERATION_UNAVAILABLE":
            raise _UnknownError("the server does not allow diagnostic tasks (DARKROOM_DIAGNOSTICS); use --paid for a real one") from failure
        raise
    ended = await client.get_task(task.id, wait_seconds=30)
    if not ended.HasField("end_time"):
        await client.cancel_task(task.id)
        raise ApiError("UNAVAILABLE", "no worker started a diagnostic task within 30 seconds")
    if ended.HasField("error"):
        raise TaskFailed(ended)
    return f"{ended.attempts[-1].worker if ended.attempts else 'a worker'} ran a diagnostic task"


async def _cutout(client: AsyncClient) -> str:
    with tempfile.TemporaryDirectory(prefix="darkroom-") as folder:
        source = Path(folder) / "doctor.png"
        source.write_bytes(_picture())
        operation = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())
        (result,) = await client.process(source, [operation], Path(folder) / "back")
        return f"a picture passed through storage, queue, worker and model; the result has {result.stat().st_size} bytes"


def _picture() -> bytes:
    """A grey PNG, 64 × 64."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + bytes([128] * _SIDE) for _ in range(_SIDE))
    header = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
