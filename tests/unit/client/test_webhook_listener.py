"""What `darkroom webhook listen` does with requests."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from darkroom.cli.webhook_listener import Delivery, listening

KEY = b"k" * 32
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
BODY = json.dumps({"type": "task.succeeded", "timestamp": "2026-01-01T00:00:00Z", "data": {"id": "7"}}).encode()


def signed(body: bytes = BODY) -> dict[str, str]:
    sent = str(int(time.time()))
    signature = base64.b64encode(hmac.digest(KEY, f"msg_1.{sent}.".encode() + body, "sha256")).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": sent, "webhook-signature": f"v1,{signature}", "content-type": "application/json"}


class Application(BaseHTTPRequestHandler):
    got: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        self.got.append((self.headers["webhook-id"], self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(503)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def application() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    got: list[tuple[str, bytes]] = []
    server = HTTPServer(("127.0.0.1", 0), type("Handler", (Application,), {"got": got}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hooks", got
    server.shutdown()
    server.server_close()


def test_signed_deliveries_are_reported_and_others_refused() -> None:
    reported: list[Delivery] = []
    secrets = ["whsec_b3RoZXI="]
    with listening(0, secrets, None, reported.append) as url:
        assert httpx.post(url, content=BODY, headers=signed(), trust_env=False).status_code == 401
        # As the secret of a webhook that is added while it listens.
        secrets.append(SECRET)
        assert httpx.post(url, content=BODY, headers=signed(), trust_env=False).status_code == 204
        assert httpx.post(url, content=BODY, trust_env=False).status_code == 401
    assert [delivery.status for delivery in reported] == [401, 204, 401]
    assert (reported[1].id, reported[1].event["type"], reported[1].problem) == ("msg_1", "task.succeeded", "")
    assert "no signature made with this secret" in reported[0].problem


def test_a_signed_delivery_goes_on_and_its_answer_comes_back(application: tuple[str, list[tuple[str, bytes]]]) -> None:
    target, got = application
    reported: list[Delivery] = []
    with listening(0, [SECRET], target, reported.append) as url:
        assert httpx.post(url, content=BODY, headers=signed(), trust_env=False).status_code == 503
        assert httpx.post(url, content=BODY, headers=signed(b"other"), trust_env=False).status_code == 401
    assert got == [("msg_1", BODY)]
    assert reported[0].forwarding == f"{target} answered 503"


def test_an_application_that_is_away_is_a_bad_gateway() -> None:
    reported: list[Delivery] = []
    with listening(0, [SECRET], "http://127.0.0.1:9/", reported.append) as url:
        assert httpx.post(url, content=BODY, headers=signed(), trust_env=False).status_code == 502
    assert reported[0].forwarding.startswith("http://127.0.0.1:9/: ")


def test_a_malformed_secret_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="whsec_"), listening(0, ["secret"], None, lambda _: None):
        pass
