"""The operator's HTTP listener: `/metrics` for Prometheus, `/livez` and `/readyz` for process supervisors. The edge has no route to it.

`/metrics` is about the whole process, and the service's own readiness and gauges; `/metrics/service` is these alone, for the further
services of a process that has several, whose counters would otherwise be scraped more than once.

It answers from its own threads, so that a process whose event loop hangs can report it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, disable_created_metrics, make_wsgi_app
from prometheus_client.registry import Collector

from services.platform.log import get_logger
from services.platform.telemetry.health import Health

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_TURN_SECONDS = 5.0
"""An event loop that takes longer than this for one turn counts as hanging."""
_logger = get_logger()


@asynccontextmanager
async def observable(address: str | None, health: Health, collectors: Sequence[Collector] = ()) -> AsyncIterator[None]:
    """Serve at `address` (`host:port`; not at all if None) until the block ends. A scrape calls the `collectors` from a thread."""
    if address is None:
        yield
        return
    # The creation time of a series is not worth the space that it takes.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    host, _, port = address.rpartition(":")
    own = CollectorRegistry()
    for collector in collectors:
        own.register(collector)
    application = _application(asyncio.get_running_loop(), health, own)
    server = make_server(host.strip("[]"), int(port), application, server_class=_Server, handler_class=_Handler)
    ending = threading.Event()
    thread = threading.Thread(target=_serve, args=(server, ending), name="metrics", daemon=True)
    thread.start()
    _logger.info("listening", listener="metrics", address=address)
    try:
        yield
    finally:
        ending.set()
        # Wakes the thread, which waits without end: `shutdown` would be heard only by a server that looks twice a second.
        server.socket.shutdown(socket.SHUT_RDWR)
        await asyncio.to_thread(thread.join)
        server.server_close()


def _serve(server: WSGIServer, ending: threading.Event) -> None:
    while not ending.is_set():
        server.handle_request()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = 30

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: scrapes and probes are constant and of no interest."""


class StateGauges:
    """The gauges that every service has."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lag = Gauge("darkroom_event_loop_lag_seconds", "Delay of the event loop when this was read.", registry=registry)
        self.ready = Gauge("darkroom_ready", "Whether the process is ready: 1 or 0.", registry=registry)


def _application(loop: asyncio.AbstractEventLoop, health: Health, own: CollectorRegistry) -> WSGIApplication:
    state = StateGauges(own)
    whole = CollectorRegistry()
    for registry in (REGISTRY, own):
        whole.register(registry)
    expositions = {"/metrics": make_wsgi_app(whole), "/metrics/service": make_wsgi_app(own)}

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return _answer(start_response, "405 Method Not Allowed", {"error": "GET and HEAD are allowed"})
        match path:
            case "/metrics" | "/metrics/service":
                lag = _lag(loop)
                state.lag.set(lag if lag is not None else _TURN_SECONDS)
                state.ready.set(health.ready)
                exposition: Iterable[bytes] = expositions[path](environ, start_response)
                return exposition
            case "/livez":
                lag = _lag(loop)
                if lag is None:
                    return _answer(start_response, "503 Service Unavailable", {"alive": False, "problem": "the event loop hangs"})
                return _answer(start_response, "200 OK", {"alive": True})
            case "/readyz":
                problems = dict(health.problems)
                return _answer(
                    start_response, "503 Service Unavailable" if problems else "200 OK", {"ready": not problems, "problems": problems}
                )
        return _answer(start_response, "404 Not Found", {"error": "there are /metrics, /livez and /readyz"})

    return application


def _answer(start_response: StartResponse, status: str, body: dict[str, object]) -> list[bytes]:
    content = json.dumps(body).encode() + b"\n"
    start_response(status, [("content-type", "application/json"), ("content-length", str(len(content)))])
    return [content]


def _lag(loop: asyncio.AbstractEventLoop) -> float | None:
    """Seconds until the event loop has run a call; None if that takes too long."""
    turned = threading.Event()
    asked = time.perf_counter()
    _call_soon(loop, turned.set)
    return time.perf_counter() - asked if turned.wait(_TURN_SECONDS) else None


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        # Closed: the process is ending, and the loop has stopped.
        return
