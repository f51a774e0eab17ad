"""One HTTP listener, for what gRPC cannot carry: an ASGI application behind the edge, served by uvicorn in the process's own event loop."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.platform.log import get_logger
from services.platform.telemetry.health import Health
from services.platform.tls import FILES, MutualTls

READINESS = "/readyz"
"""The path at which the edge asks whether to route here: 200 or 503. It routes no client to it."""
_UNIX = "unix:"
# Longer than the edge keeps a connection that is idle, so that none is closed while a request is on its way.
_KEEP_ALIVE_SECONDS = 2 * 3600
_POLL_SECONDS = 0.01
_BACKLOG = 1024
_logger = get_logger()


@asynccontextmanager
async def serving(
    address: str, application: ASGIApp, health: Health, drain_seconds: float, tls: MutualTls | None = None
) -> AsyncIterator[None]:
    """Serve at `address` (`unix:/path` or `host:port`) until the block ends; then accept no more requests, and let those in flight
    continue for up to `drain_seconds`. With `tls`, only holders of a certificate of the installation are served."""
    authority, certificate, key = (tls.folder / name for name in FILES) if tls is not None else (None, None, None)
    config = uvicorn.Config(
        _with_readiness(application, health),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        # The edge says the date; uvicorn would wake every second to keep its own current.
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        ssl_ca_certs=str(authority) if authority else None,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls is not None else ssl.CERT_NONE,
        timeout_graceful_shutdown=math.ceil(drain_seconds),
    )
    server = _Server(config)
    listening = _bound(address)
    running = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(_POLL_SECONDS)
    _logger.info("listening", listener="public", address=address)
    try:
        yield
    finally:
        server.end()
        await running


class _Server(uvicorn.Server):
    """The process handles its signals itself.

    uvicorn would look ten times a second whether to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = asyncio.Event()

    def end(self) -> None:
        """Accept no more requests; `serve` returns once those in flight have ended."""
        self.should_exit = True
        self._ended.set()

    async def main_loop(self) -> None:
        """Serve until `end`."""
        await self.on_tick(0)
        await self._ended.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _bound(address: str) -> socket.socket:
    if address.startswith(_UNIX):
        path = Path(address.removeprefix(_UNIX))
        path.unlink(missing_ok=True)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.bind(str(path))
    else:
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, int(port)))
    opened.listen(_BACKLOG)
    opened.setblocking(False)
    return opened


def _with_readiness(application: ASGIApp, health: Health) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == READINESS:
            answer = PlainTextResponse("ready" if health.ready else "not ready", 200 if health.ready else 503)
            await answer(scope, receive, send)
            return
        await application(scope, receive, send)

    return serve
