"""What a machine that joins says when something is wrong, and that it asks for the same again."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from darkroom.internal.accounts.v1 import membership_service_pb2 as pb
from deploy.installation.authority import create_authority
from deploy.worker.errors import AwayError, JoinError
from deploy.worker.joining import join, load_joined
from deploy.worker.machine import create_machine, open_machine
from services.accounts.domain.worker_certificates import WorkerAuthority
from services.platform.joining import JoinToken, digest_of_request

SECRET = "cd" * 32


class _Server:
    """Answers what it is told to, as an edge would. One more port is open, for workers."""

    def __init__(self, folder: Path) -> None:
        create_authority(folder / "authority", "Darkroom test", timedelta(days=3650))
        self.authority = WorkerAuthority(folder / "authority")
        self.asked: list[dict[str, Any]] = []
        self.replies: list[tuple[int, str]] = []
        self.url, self.workers = "", ""
        self.secret, self.claimed = SECRET, self.authority.fingerprint

    def token(self, token_id: int = 7) -> str:
        return JoinToken(self.url, self.workers, self.claimed, token_id, SECRET).text()

    def let_in(self, body: dict[str, Any]) -> tuple[int, str]:
        """Do what accounts does for a good request."""
        now = datetime.now(UTC)
        urn = f"urn:darkroom:worker:1:{body['name']}"
        message = pb.Membership(
            worker=urn,
            authority=self.authority.pem,
            certificate=self.authority.issue(body["certificate_request"], urn, now).pem,
            delegation="delegation",
            trusted_keys="{}",
        )
        fields = (body["token_id"], body["name"], body["certificate_request"], body["public_key"])
        token = JoinToken("", "", "", 0, self.secret)
        sealed = token.keys.seal(message.SerializeToString(), digest_of_request(*fields))
        return 200, json.dumps({"code": 200, "message": "success", "data": {"name": body["name"], "sealed": sealed}})


@contextmanager
def _serving(server: _Server) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.asked.append({"path": self.path, **body})
            status, content = server.replies.pop(0) if server.replies else server.let_in(body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http, socket.create_server(("127.0.0.1", 0)) as workers:
        server.url, server.workers = f"http://127.0.0.1:{http.server_port}", f"127.0.0.1:{workers.getsockname()[1]}"
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[_Server]:
    made = _Server(tmp_path)
    with _serving(made):
        yield made


def _refusal(reason: str, message: str) -> str:
    return json.dumps({"code": 40000, "message": message, "data": {"error_code": reason}})


def test_a_machine_joins_and_keeps_what_it_needs(server: _Server, tmp_path: Path) -> None:
    directory = tmp_path / "machine"
    assert load_joined(directory) is None
    made = join(directory, server.token(), "gpu-box")
    assert (made.name, made.url, made.token_id) == ("gpu-box", server.url, 7)
    known = load_joined(directory)
    assert known is not None
    assert (known.name, known.url, known.token_id, known.folder.workers_address) == ("gpu-box", server.url, 7, server.workers)
    folder = directory / "membership"
    assert {path.name for path in folder.iterdir()} == {
        *("ca.crt", "tls.crt", "tls.key", "signing-key.pem", "delegation", "trusted-keys.json", "workers-address", "request.json")
    }
    assert (folder / "delegation").read_text() == "delegation"
    private = [path for path in folder.iterdir() if path.stat().st_mode & 0o077]
    assert private == []
    [asked] = server.asked
    assert asked["path"] == "/v1/workers/join"
    assert SECRET not in json.dumps(asked)
    # The private keys have not left the machine.
    assert "PRIVATE" not in json.dumps(asked)
    # With the same token, there is nothing more to do.
    assert join(directory, server.token(), None).name == "gpu-box"
    assert len(server.asked) == 1


def test_a_lost_reply_is_asked_for_again_with_the_same_keys(server: _Server, tmp_path: Path) -> None:
    server.replies = [(502, "<html>")]
    with pytest.raises(JoinError, match="answered with HTTP 502, unlike Darkroom"):
        join(tmp_path / "machine", server.token(), "gpu-box")
    join(tmp_path / "machine", server.token(), "gpu-box")
    first, second = ({name: asked[name] for name in ("certificate_request", "public_key", "name")} for asked in server.asked)
    assert first == second
    other = tmp_path / "other"
    server.replies = [(502, "")]
    with pytest.raises(JoinError):
        join(other, server.token(), "one")
    join(other, server.token(8), "one")
    assert server.asked[-1]["public_key"] != server.asked[-2]["public_key"]


def test_a_lost_reply_is_asked_for_again_where_the_machine_has_another_name_by_then(
    server: _Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a laptop has in another network."""
    server.replies = [(502, "")]
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")
    with pytest.raises(JoinError):
        join(tmp_path / "machine", server.token(), None)
    monkeypatch.setattr(socket, "gethostname", lambda: "dhcp-17")
    assert join(tmp_path / "machine", server.token(), None).name == "laptop"
    first, second = ({name: asked[name] for name in ("certificate_request", "public_key", "name")} for asked in server.asked)
    assert first == second


def test_what_the_server_says_is_told(server: _Server, tmp_path: Path) -> None:
    server.replies = [(401, _refusal("worker_token_invalid", "The token has been used by x. A token works for one machine: make another."))]
    with pytest.raises(JoinError, match=r"used by x\. A token works for one machine"):
        join(tmp_path / "machine", server.token(), "gpu-box")
    server.replies = [(404, _refusal("route_not_found", "No such endpoint."))]
    with pytest.raises(JoinError, match="does not support workers on other machines: upgrade it"):
        join(tmp_path / "machine", server.token(), "gpu-box")


def test_a_reply_of_somebody_else_is_refused(server: _Server, tmp_path: Path) -> None:
    server.secret = "ab" * 32
    with pytest.raises(JoinError, match="is not from the server that made the token"):
        join(tmp_path / "machine", server.token(), "gpu-box")
    assert load_joined(tmp_path / "machine") is None


def test_another_authority_than_the_token_names_is_refused(server: _Server, tmp_path: Path) -> None:
    server.claimed = "00" * 32
    with pytest.raises(JoinError, match="authority has changed"):
        join(tmp_path / "machine", server.token(), "gpu-box")
    assert load_joined(tmp_path / "machine") is None


def test_a_closed_port_is_told_before_the_token_is_used(server: _Server, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server.workers = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(AwayError, match=r"the port for workers, .* cannot be reached: Connection refused.*DARKROOM_WORKER_LISTEN opens it"):
        join(tmp_path / "machine", server.token(), "gpu-box")
    assert server.asked == []


def test_a_server_that_cannot_be_reached(server: _Server, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(AwayError, match=r"cannot be reached: .*DARKROOM_PUBLIC_URL"):
        join(tmp_path / "machine", server.token(), "gpu-box")


@pytest.mark.parametrize("name", ["GPU", "a_b", "-a", "a" * 64])
def test_names_that_are_none(server: _Server, tmp_path: Path, name: str) -> None:
    with pytest.raises(JoinError, match="not a valid worker name"):
        join(tmp_path / "machine", server.token(), name)
    assert server.asked == []


def test_a_token_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(JoinError, match="JOIN is not a token"):
        join(tmp_path / "machine", "dkw_x", None)


def test_a_machine_that_is_looked_at_keeps_its_ports(server: _Server, tmp_path: Path) -> None:
    """Even while its worker restarts, so that another program could have the port of its metrics."""
    directory = tmp_path / "machine"
    joined = join(directory, server.token(), "gpu-box")
    ports = create_machine(directory, joined).config.ports
    with socket.create_server(("127.0.0.1", ports.metrics["inference"])):
        assert open_machine(directory, joined).config.ports == ports
        assert create_machine(directory, joined).config.ports.metrics["inference"] != ports.metrics["inference"]
