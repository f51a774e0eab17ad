"""The listener that the edge asks about every request: HTTP/1.1, since a call of gRPC takes six times the processor time of an answer.

Envoy's ext_authz sends the method, path and query of the request below `/check`, and the configured headers, without the body. 200
lets the request pass, and its headers say as whom; any other status below 500 is what the client gets.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import cast

from services.accounts.domain.admission import Admission
from services.accounts.surfaces.edge.decisions import Pass, decide
from services.accounts.surfaces.edge.rate_limit_fields import Fields
from services.platform.errors import DarkroomError
from services.platform.identity import ADDRESS_HEADER, BAD_KEY_HEADER, IDENTITY_HEADER
from services.platform.log import get_logger
from services.platform.rpc.metrics import observe_call
from services.platform.rpc.spans import begin_call, end_call
from services.platform.rpc.trace import TRACE_HEADER
from services.platform.telemetry import tracing
from services.platform.telemetry.health import Health
from services.platform.tls import EDGE, MutualTls

CHECKS = "/check"
"""The path prefix of questions; the client's own path follows."""
READINESS = "/readyz"
"""200 or 503: whether to ask here."""
CONTENT_TYPE_HEADER = "x-darkroom-content-type"
"""The content type of the client's request. In a header of that name, Envoy would take the question for a call of gRPC."""
_METHOD = "/envoy.service.auth.v3.Authorization/Check"
# The edge takes headers of 60 KiB, and adds few of its own.
_LONGEST_HEAD = 96 * 1024
# Connections that wait to be accepted: more than an edge opens. On a Unix socket, the kernel refuses the next at once.
_BACKLOG = 1024
_UNIX = "unix:"
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_START = re.compile(rf"({_WORD}) (/[^\x00-\x1f\x7f]*) HTTP/1\.1")
_FIELD = re.compile(rf"({_WORD}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_logger = get_logger()


@dataclass(frozen=True, slots=True)
class Question:
    """A request without a body."""

    method: str
    path: str
    """A query may follow."""
    headers: Mapping[str, str]
    """Names in lower case; the values of repeated ones have commas between them."""

    @classmethod
    def parse(cls, head: bytes) -> Question:
        """From the bytes before the empty line. Raises ValueError for anything but what HTTP/1.1 allows, and for a body."""
        start, *lines = head.decode("latin-1").split("\r\n")
        asked = _START.fullmatch(start)
        if asked is None:
            raise ValueError("not an HTTP/1.1 request line")
        headers: dict[str, str] = {}
        for line in lines:
            field = _FIELD.fullmatch(line)
            if field is None:
                raise ValueError("no header")
            name, value = field[1].lower(), field[2].rstrip(" \t")
            headers[name] = f"{headers[name]},{value}" if name in headers else value
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            raise ValueError("a body")
        return cls(asked[1], asked[2], headers)


@asynccontextmanager
async def listening(
    address: str, admission: Admission, health: Health, drain_seconds: float, tls: MutualTls | None = None
) -> AsyncIterator[None]:
    """Answer at `address` (`unix:/path` or `host:port`) until the block ends; then accept no more connections, and let questions in flight
    be answered for up to `drain_seconds`. With `tls`, only the edge is answered, by its certificate."""
    loop, connections = asyncio.get_running_loop(), _Connections()
    context = tls.listener() if tls is not None else None

    def connect() -> _Connection:
        return _Connection(admission, health, connections, certified=tls is not None)

    if address.startswith(_UNIX):
        server = await loop.create_unix_server(connect, address.removeprefix(_UNIX), ssl=context, backlog=_BACKLOG)
    else:
        host, _, port = address.rpartition(":")
        server = await loop.create_server(connect, host.strip("[]"), int(port), ssl=context, backlog=_BACKLOG)
    _logger.info("listening", listener="authorization", address=address)
    try:
        yield
    finally:
        server.close()
        await connections.end(drain_seconds)


class _Connections:
    """Those that are open."""

    def __init__(self) -> None:
        self._open: set[_Connection] = set()
        self._none = asyncio.Event()
        self._none.set()
        self.ending = False

    def add(self, connection: _Connection) -> None:
        """Count one that has opened."""
        self._open.add(connection)
        self._none.clear()

    def remove(self, connection: _Connection) -> None:
        """Forget one that has closed."""
        self._open.discard(connection)
        if not self._open:
            self._none.set()

    async def end(self, seconds: float) -> None:
        """Close each when its last question is answered, or when the time is over."""
        self.ending = True
        for connection in tuple(self._open):
            connection.close_if_idle()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._none.wait()
        for connection in tuple(self._open):
            connection.abort()


class _Connection(asyncio.Protocol):
    """Answers one question after the other. Anything other than a question ends it."""

    def __init__(self, admission: Admission, health: Health, connections: _Connections, *, certified: bool) -> None:
        self._admission, self._health, self._connections, self._certified = admission, health, connections, certified
        self._traced = tracing.is_enabled()
        self._received = b""
        self._answering: asyncio.Task[None] | None = None
        self._stalled = self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        if self._certified and EDGE not in _names(self._transport):
            _logger.warning("check_refused", problem="the certificate is not the edge's")
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.remove(self)
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._answering is not None and len(self._received) > _LONGEST_HEAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._answer_next()

    def pause_writing(self) -> None:
        self._stalled = True

    def resume_writing(self) -> None:
        self._stalled = False
        self._answer_next()

    def close_if_idle(self) -> None:
        if self._answering is None:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def _answer_next(self) -> None:
        if not self._received or self._answering is not None or self._stalled or self._transport.is_closing():
            return
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if len(head) > _LONGEST_HEAD:
            self.abort()
        elif found:
            try:
                question = Question.parse(head)
            except ValueError as problem:
                _logger.warning("check_unreadable", problem=str(problem))
                self.abort()
                return
            self._received = rest
            self._answering = asyncio.get_running_loop().create_task(self._answer(question))

    async def _answer(self, question: Question) -> None:
        status, fields, body = await self._reply(question)
        ending = self._connections.ending
        self._transport.write(_rendered(question.method, status, [*fields, ("connection", "close")] if ending else fields, body))
        self._answering = None
        if ending:
            self._transport.close()
            return
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        self._answer_next()

    async def _reply(self, question: Question) -> tuple[int, Fields, str]:
        if question.path == READINESS:
            return (HTTPStatus.OK if self._health.ready else HTTPStatus.SERVICE_UNAVAILABLE), (), ""
        if not question.path.startswith(f"{CHECKS}/"):
            return HTTPStatus.NOT_FOUND, (), ""
        headers, started, code, reason = question.headers, time.perf_counter(), "OK", None
        trace_id = headers.get(TRACE_HEADER, "")
        span = begin_call(_METHOD, headers, trace_id, root=False) if self._traced else None
        try:
            path, address = question.path.removeprefix(CHECKS), headers.get(ADDRESS_HEADER, "")
            sent = {**headers, "content-type": headers.get(CONTENT_TYPE_HEADER, "")}
            decision = await decide(self._admission, path, sent, address)
            if isinstance(decision, Pass):
                identity = [(IDENTITY_HEADER, decision.token)] if decision.token else [(BAD_KEY_HEADER, "1")] if decision.bad_key else []
                return HTTPStatus.OK, (*identity, *decision.fields), ""
            return decision.status, decision.fields, decision.body
        except DarkroomError as error:
            code, reason = error.grpc_code.name, error.reason.value
            _logger.warning("check_failed", trace_id=trace_id, reason=reason)
            return HTTPStatus.SERVICE_UNAVAILABLE, (), ""
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        except Exception:
            code = "INTERNAL"
            _logger.exception("check_failed", trace_id=trace_id)
            return HTTPStatus.INTERNAL_SERVER_ERROR, (), ""
        finally:
            observe_call(_METHOD, code, time.perf_counter() - started)
            if span is not None:
                end_call(span, code, reason)


def _rendered(method: str, status: int, fields: Fields, body: str) -> bytes:
    content = b"" if method == "HEAD" else body.encode()
    named = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return (
        f"HTTP/1.1 {status} {'OK' if status == HTTPStatus.OK else 'Refused'}\r\n{named}content-length: {len(content)}\r\n\r\n".encode()
        + content
    )


def _names(transport: asyncio.Transport) -> set[str]:
    """The DNS names in the certificate of the other side."""
    certificate = transport.get_extra_info("peercert") or {}
    return {value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"}
