"""Settings of the edge."""

from __future__ import annotations

import json
import re
import resource
import subprocess
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from deploy.local.config import tool
from edge.addresses import Address, Endpoint, Upstream
from edge.render import main, render
from edge.settings import EdgeSettings

ADDRESSES = dict.fromkeys(("edge_accounts", "authorization_address", "edge_files", "edge_gateway", "edge_tasks"), "unix:/run/x.sock")

BEHIND_WORKER_PORT = {
    "accounts_address": "127.0.0.1:1",
    "files_address": "10.0.0.1:1,10.0.0.2:1",
    "tasks_address": "dns:///tasks:7001",
}

CONFIGURATIONS: Mapping[str, dict[str, Any]] = {
    "plain": {},
    # Without a port for workers.
    "local": {**BEHIND_WORKER_PORT, "s3_endpoint": "http://127.0.0.1:9000", "public_url": "http://127.0.0.1:8080"},
    "origins": {"edge_cors_origins": "https://a.example,https://*.b.example:8443", "authorization_address": "dns:///accounts:7002"},
    "storage": {
        "edge_cors_origins": "*",
        "s3_endpoint": "https://s3.example.com",
        "s3_bucket": "media",
        "edge_trusted_hops": 1,
        "edge_files": "files.svc:3",
        "edge_admin": "127.0.0.1:9901",
    },
    "replicas": {
        "edge_tasks": "10.0.0.1:7001,10.0.0.2:7001",
        "s3_endpoint": "https://s3.internal",
        "s3_public_endpoint": "https://s3.example.com:9000",
        "s3_bucket": "media",
        "s3_addressing": "virtual",
    },
    "workers": {**BEHIND_WORKER_PORT, "edge_worker_listen": "0.0.0.0:8444"},
}
Rendered = Callable[[str], Path]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """Where Envoy's configuration is, of some settings by name. Each is rendered once."""
    return cache(lambda name: render(settings(out=tmp_path_factory.mktemp("edge"), **CONFIGURATIONS[name])))


def settings(**changed: Any) -> EdgeSettings:
    return EdgeSettings(**{"out": Path("out"), **ADDRESSES, **changed})


@pytest.mark.parametrize("text", ["x", "host:", "host:0", "host:65536", ":1", "unix:relative", "unix:/" + "x" * 200])
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        Address.parse(text)


def test_addresses() -> None:
    assert Address.parse("unix:/run/a.sock").envoy == {"pipe": {"path": "/run/a.sock", "mode": 0o600}}
    assert Address.parse("[::1]:80").envoy == {"socket_address": {"address": "::1", "port_value": 80}}
    assert [Address.parse(text).discovery for text in ("10.0.0.1:1", "[::1]:1", "files.svc:1", "unix:/x")] == [
        "STATIC",
        "STATIC",
        "STRICT_DNS",
        "STATIC",
    ]
    assert Endpoint.parse("https://s3.example.com") == Endpoint(Address(host="s3.example.com", port=443), tls=True)


def test_replicas() -> None:
    two = Upstream.parse("10.0.0.1:7001, [::2]:7001")
    assert two.endpoints == [
        {"endpoint": {"address": {"socket_address": {"address": host, "port_value": 7001}}}} for host in ("10.0.0.1", "::2")
    ]
    assert (two.discovery, two.is_several, two.is_remote) == ("STATIC", True, True)
    by_name = Upstream.parse("dns:///tasks:7000")
    assert by_name.addresses == (Address(host="tasks", port=7000),)
    assert (by_name.discovery, by_name.is_several) == ("STRICT_DNS", True)
    assert Upstream.parse("10.0.0.1:1,files.svc:1").discovery == "STRICT_DNS"
    here = Upstream.parse("unix:/run/a.sock")
    assert (here.discovery, here.is_several, here.is_remote) == ("STATIC", False, False)
    for wrong in ("10.0.0.1:1,", "unix:/run/a.sock,files.svc:1"):
        with pytest.raises(ValueError, match="must"):
            Upstream.parse(wrong)


def test_only_the_one_replica_on_this_machine_takes_calls_over_http1() -> None:
    assert Upstream.parse("unix:/run/a.sock").over_http1 == Upstream.parse("unix:/run/a.sock.h1")
    longest = "unix:/" + "x" * 103
    assert Upstream.parse(longest).over_http1 is not None
    for other in ("127.0.0.1:1", "files.svc:1", "unix:/run/a.sock,unix:/run/b.sock", f"{longest}x"):
        assert Upstream.parse(other).over_http1 is None


@pytest.mark.parametrize("name", ["plain", "replicas"])
def test_unary_calls_go_to_a_service_on_this_machine_over_http1(rendered: Rendered, name: str) -> None:
    configuration = rendered(name).read_text()
    names = r"darkroom\.(rest\.v1\.TasksService[^\"]*|tasks\.v1\.TasksService(?:\.WatchTask)?)"
    clusters = re.findall(rf'"name": "{names}".*?"cluster": "([^"]*)"', configuration)
    unary = "tasks_http1" if name == "plain" else "tasks"
    assert dict(clusters) == {
        "rest.v1.TasksService": unary,
        "rest.v1.TasksService.GetTaskStatus": unary,
        "rest.v1.TasksService.GetTaskResult": unary,
        "rest.v1.TasksService.ListTasks": unary,
        "rest.v1.TasksService.StreamTaskEvents": "tasks",
        "tasks.v1.TasksService": unary,
        "tasks.v1.TasksService.WatchTask": "tasks",
    }


def test_requests_are_repeated_at_another_replica_where_there_is_one(rendered: Rendered) -> None:
    repeated = {name for name in ("plain", "origins", "replicas") if "previous_hosts" in rendered(name).read_text()}
    assert repeated == {"origins", "replicas"}


@pytest.mark.parametrize("admin", ["0.0.0.0:9901", "10.0.0.1:9901", "envoy.svc:9901", "[::]:9901"])
def test_the_admin_interface_is_never_public(admin: str) -> None:
    with pytest.raises(ValidationError, match="loopback"):
        settings(edge_admin=admin)


def test_the_admin_interface_is_a_socket_beside_the_configuration() -> None:
    assert settings().admin_address.path == str(Path("out/admin.sock").absolute())
    assert settings(edge_admin="127.0.0.1:9901").admin_address.port == 9901


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        (None, None),
        ("https://media.example.com", "media.example.com"),
        ("https://media.example.com:443/", "media.example.com"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("https://[::1]:8443", "[::1]:8443"),
    ],
)
def test_the_host_that_urls_are_signed_for(url: str | None, authority: str | None) -> None:
    assert settings(public_url=url).public_authority == authority


@pytest.mark.parametrize(
    "wrong",
    [
        {"public_url": "media.example.com"},
        {"public_url": "https://x/path"},
        {"s3_endpoint": "s3:9000"},
        {"edge_listen": "unix:/x"},
        {**BEHIND_WORKER_PORT, "edge_worker_listen": "unix:/x"},
        {**BEHIND_WORKER_PORT, "edge_worker_listen": "0.0.0.0:8444", "tasks_address": None},
        {"edge_files": "nowhere"},
        {"edge_files": "10.0.0.1:1,nowhere"},
        {"edge_listen": "10.0.0.1:1,10.0.0.2:1"},
        {"tls_dir": "/nonexistent"},
        {"s3_bucket": "v1"},
        {"s3_addressing": "virtual", "s3_bucket": "a.bucket", "s3_public_endpoint": "https://s3.example.com"},
        {"s3_addressing": "virtual"},
        {"edge_trusted_hops": -1},
        {"edge_upload_limit": 2**32},
        {"edge_cors_origins": "app.example.com"},
        {"edge_cors_origins": "https://app.example.com/page"},
        {"edge_cors_origins": "https://app.*.com"},
    ],
)
def test_settings_that_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


@pytest.mark.parametrize(
    ("origins", "origin", "matches"),
    [
        ("", "https://a.example", False),
        ("*", "https://a.example", True),
        ("https://a.example", "https://a.example", True),
        ("https://a.example", "https://axexample", False),
        ("https://a.example", "https://a.example:8443", False),
        ("http://localhost:3000, https://*.a.example", "https://x.y.a.example", True),
        ("http://localhost:3000, https://*.a.example", "https://a.example", False),
        ("http://localhost:3000, https://*.a.example", "https://evil.example/.a.example", False),
    ],
)
def test_origins(origins: str, origin: str, matches: bool) -> None:
    patterns = settings(edge_cors_origins=origins).cors_origin_patterns
    assert any(re.fullmatch(pattern, origin) for pattern in patterns) is matches


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name, value in ADDRESSES.items():
        monkeypatch.setenv(f"DARKROOM_{name.upper()}", value)
    monkeypatch.setattr("sys.argv", ["render", "--out", str(tmp_path), "--edge-listen", "127.0.0.1:1234"])
    main()
    assert capsys.readouterr().out.strip() == str(tmp_path / "envoy.json")
    assert "port_value" in (tmp_path / "envoy.json").read_text()
    monkeypatch.delenv("DARKROOM_EDGE_TASKS")
    with pytest.raises(SystemExit):
        main()
    assert "--edge-tasks (DARKROOM_EDGE_TASKS): Field required" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    # Every stack that tests start has Envoy accept what these two are like.
    [pytest.param(name, marks=pytest.mark.thorough) if name in ("plain", "local") else name for name in CONFIGURATIONS],
)
def test_envoy_accepts_the_configuration(rendered: Rendered, name: str) -> None:
    command = [tool("envoy"), "--mode", "validate", "-c", str(rendered(name))]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_number_of_transcoders_does_not_grow_with_the_routes(rendered: Rendered) -> None:
    assert rendered("plain").read_text().count("proto_descriptor") == 2


def test_the_port_for_workers_leads_to_what_is_behind_it_and_nowhere_else(rendered: Rendered) -> None:
    def listener(name: str) -> dict[str, Any] | None:
        listeners = json.loads(rendered(name).read_text())["static_resources"]["listeners"]
        return next((one for one in listeners if one["name"] == "workers"), None)

    assert listener("local") is None
    port = listener("workers")
    assert port is not None
    assert "default_filter_chain" not in port
    chains = [(chain["filter_chain_match"], chain["filters"][-1]["typed_config"]["cluster"]) for chain in port["filter_chains"]]
    names = ("accounts", "files", "tasks")
    assert chains == [({"transport_protocol": "tls", "server_names": [name]}, f"workers_{name}") for name in names]


@pytest.mark.parametrize(
    ("files", "chosen", "connections"),
    [
        (resource.RLIM_INFINITY, None, 20_000),
        (1024**2, None, 20_000),
        (20_000, None, 10_000),
        (30_000, None, 17_200),
        (1024, None, 512),
        (1024, 7, 7),
    ],
)
def test_connections_leave_files_for_what_else_is_open(
    monkeypatch: pytest.MonkeyPatch, files: int, chosen: int | None, connections: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, files))
    assert settings(edge_max_connections=chosen).max_connections == connections


def test_urls_are_signed_for_the_storage_that_clients_see() -> None:
    beside = settings(s3_public_endpoint="https://s3.example.com", s3_endpoint="http://127.0.0.1:9000", public_url="https://other.example")
    assert (beside.public_authority, beside.storage_origin) == ("s3.example.com", "")
    elsewhere = settings(s3_public_endpoint="http://[::1]:9000/")
    assert (elsewhere.public_authority, elsewhere.storage_origin) == ("[::1]:9000", "http://[::1]:9000")
    assert settings().storage_origin == ""


def test_storage_that_goes_by_its_own_name_is_asked_by_it() -> None:
    there = {"s3_endpoint": "https://s3.example.com", "s3_bucket": "media", "s3_signed_for": "storage", "public_url": "https://x.example"}
    path, virtual = settings(**there), settings(**there, s3_addressing="virtual")
    assert (path.public_authority, path.routed_storage, path.storage_origin) == ("s3.example.com", "https://s3.example.com", "")
    assert (virtual.public_authority, virtual.storage_origin) == ("media.s3.example.com", "")
    assert virtual.routed_storage == "https://media.s3.example.com/"


def test_a_bucket_in_the_host_name_is_no_path_of_the_edge(rendered: Rendered) -> None:
    assert settings(**CONFIGURATIONS["replicas"]).storage_origin == "https://media.s3.example.com:9000"
    assert "/media/" not in rendered("replicas").read_text()
    assert "/media/" in rendered("storage").read_text()
