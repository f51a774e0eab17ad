"""A receiver of webhooks on this machine, for `darkroom webhook listen`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from darkroom.signatures import Webhook, WebhookRejected

HOST = "127.0.0.1"
_MOST_BYTES = 4 << 20
_FORWARDED = ("content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature", "traceparent")
_FORWARD_SECONDS = 14.0
"""Less than Darkroom waits for an answer."""


@dataclass(frozen=True)
class Delivery:
    """A request that has arrived."""

    id: str
    problem: str
    """Why it was refused; empty if it is signed."""
    event: Mapping[str, Any]
    """The body; empty if the request was refused."""
    status: int
    """The status of the answer."""
    forwarding: str = ""
    """The outcome of forwarding; empty if it was not forwarded."""


@contextmanager
def listening(port: int, secrets: Sequence[str], forward: str | None, report: Callable[[Delivery], None]) -> Iterator[str]:
    """Receive at a port of this machine, 0 for a free one, while the context lasts; its URL. `report` is called for each request. Those
    that are signed with one of the secrets, which may become more meanwhile, go on to the URL `forward`, whose answer Darkroom gets.

    Raises OSError if the port is taken, and ValueError for a malformed secret."""
    Webhook(secrets)

    class Handler(_Handler):
        def received(self, body: bytes) -> Delivery:
            return _received(dict(self.headers.items()), body, Webhook(secrets), forward)

        def told(self, delivery: Delivery) -> None:
            report(delivery)

    server = ThreadingHTTPServer((HOST, port), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    # A client that says nothing holds no thread for long.
    timeout = 30

    def received(self, body: bytes) -> Delivery:
        """Judge a request."""
        raise NotImplementedError

    def told(self, delivery: Delivery) -> None:
        """Report a request."""
        raise NotImplementedError

    def do_POST(self) -> None:
        """Answer a delivery."""
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            self._answer(413 if length.isdecimal() else 411)
            return
        delivery = self.received(self.rfile.read(int(length)))
        self.told(delivery)
        self._answer(delivery.status)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: each request is reported."""


def _received(headers: Mapping[str, str], body: bytes, verifier: Webhook, forward: str | None) -> Delivery:
    named = {name.lower(): value for name, value in headers.items()}
    message_id = named.get("webhook-id", "")
    try:
        verifier.check(named, body)
        event = json.loads(body)
    except (WebhookRejected, ValueError) as problem:
        return Delivery(message_id, str(problem), {}, 401)
    if forward is None:
        return Delivery(message_id, "", event, 204)
    status, outcome = _forwarded(forward, {name: named[name] for name in _FORWARDED if name in named}, body)
    return Delivery(message_id, "", event, status, outcome)


def _forwarded(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    """The status that Darkroom gets, and the outcome in words."""
    import httpx

    try:
        reply = httpx.post(url, content=body, headers=dict(headers), timeout=_FORWARD_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        return 502, f"{url}: {error or type(error).__name__}"
    return reply.status_code, f"{url} answered {reply.status_code}"
