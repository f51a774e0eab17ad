"""How NATS is named in settings."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Server

from services.platform.config import NatsSettings, load
from services.platform.nats_servers import NatsServers

_CREDENTIALS = "-----BEGIN NATS USER JWT-----\na\n-----BEGIN USER NKEY SEED-----\nb\n"


@pytest.mark.parametrize(
    ("url", "addresses", "user"),
    [
        ("nats://localhost", ("localhost:4222",), (None, None)),
        ("nats://a:1@h:2", ("h:2",), ("a", "1")),
        ("tls://a:p%40%2C@h1, tls://h2:5,tls://a:p%40%2C@[::1]:6", ("h1:4222", "h2:5", "[::1]:6"), ("a", "p@,")),
        ("nats://token@h/", ("h:4222",), ("token", None)),
    ],
)
def test_a_url_names_servers_and_a_user(url: str, addresses: tuple[str, ...], user: tuple[str | None, str | None]) -> None:
    servers = NatsServers.parse(url)
    assert (servers.addresses, (servers.user, servers.password)) == (addresses, user)
    options = servers.options("files")
    assert options["servers"] == [f"{servers.scheme}://{address}" for address in addresses]
    # A token is a secret.
    assert options["inbox_prefix"] == (f"_INBOX.{user[0]}" if user[1] else "_INBOX")
    assert options.get("token") == (user[0] if user[1] is None else None)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "server 1 must begin with nats:// or tls://"),
        ("nats://a:secret@h,h2:4222", "server 2 must begin with nats:// or tls://"),
        ("nats://a:secret@h,", "server 2 must begin with"),
        ("http://h", "server 1 must begin with"),
        ("nats://a:secret@h:port", "server 1 has no valid port"),
        ("nats://a:secret@h:70000", "server 1 has no valid port"),
        ("nats://a:secret@h,nats://a:secret@:4222", "server 2 has no host"),
        ("nats://a:secret@h:0", "server 1 has no host, or port 0"),
        ("nats://a:secret@h?tls_handshake_first=true", "DARKROOM_NATS_TLS_FIRST"),
        ("nats://a:secret@h,tls://h2", "mixes nats:// and tls://"),
        ("nats://a:secret@h,nats://b:secret@h2", "names different users"),
        ("nats://a:secret\u2100@h", "server 1 is not a URL; in the user and the password"),
        ("nats://a:secret[@h", "server 1 is not a URL; in the user and the password"),
    ],
)
def test_what_is_wrong_in_a_url_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, problem: str
) -> None:
    told = _problems(monkeypatch, capsys, NATS_URL=url)
    assert problem in told
    assert "secret" not in told


def test_settings_that_do_not_go_together_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "creds"
    settings = {"NATS_URL": "nats://a:b@h", "NATS_CREDENTIALS_FILE": str(file), "NATS_TLS_HOSTNAME": "nats", "NATS_TLS_FIRST": "true"}
    told = _problems(monkeypatch, capsys, **settings)
    assert "NatsSettings: 3 setting(s) need attention" in told
    assert "DARKROOM_NATS_CREDENTIALS_FILE: Value error, cannot be read: No such file or directory" in told
    assert told.count("is for TLS, and DARKROOM_NATS_URL does not begin with tls://") == 2
    file.write_text("-----BEGIN NATS USER JWT-----\na\n")
    assert "holds no line with BEGIN USER NKEY SEED" in _problems(monkeypatch, capsys, **settings)
    file.write_text(_CREDENTIALS)
    assert "DARKROOM_NATS_URL has a user of its own" in _problems(monkeypatch, capsys, **settings)


def test_credentials_of_a_file_take_the_place_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "creds"
    file.write_text(_CREDENTIALS)
    _set(monkeypatch, NATS_URL="tls://h", NATS_CREDENTIALS_FILE=str(file), NATS_TLS_HOSTNAME="nats", NATS_TLS_FIRST="true")
    options = load(NatsSettings).nats.options("files")
    assert (options["user_credentials"], options["inbox_prefix"]) == (str(file), "_INBOX.files")
    assert (options["tls_hostname"], options["tls_handshake_first"]) == ("nats", True)
    assert options["tls"] is not None


def test_a_client_that_has_lost_its_server_tries_each_in_turn_whatever_happened_before() -> None:
    servers = NatsServers.parse("nats://a:1,nats://b:1,nats://c:1")
    choose = servers.options("files")["reconnect_to_server_handler"]
    tried = dict.fromkeys(servers.addresses, 0)

    def attempts(*answering: str) -> list[str]:
        """Which servers are tried until one answers; those that a server has told of are not."""
        order: list[str] = []
        while not order or order[-1] not in answering:
            known = [Server(urlsplit(f"nats://{address}"), count) for address, count in {**tried, "10.0.0.9:1": 0}.items()]
            chosen, pause = choose(known, {})
            order.append(chosen.uri.netloc)
            # As nats-py counts.
            assert (pause > 0) == (tried[order[-1]] > 0)
            tried[order[-1]] += 1
        tried[order[-1]] = 0
        return order

    assert len(attempts("a:1")) <= 3
    for _ in range(100):
        choose([Server(urlsplit(f"nats://{address}"), 1) for address in tried], {})
    tried.update(dict.fromkeys(tried, 100))
    assert attempts("b:1")[-1] == "b:1"
    # Now b is gone, and the others have long been back.
    assert len(attempts("a:1", "c:1")) <= 2


def _problems(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **settings: str) -> str:
    _set(monkeypatch, **settings)
    with pytest.raises(SystemExit):
        load(NatsSettings)
    return capsys.readouterr().err


def _set(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"DARKROOM_{name}", value)
