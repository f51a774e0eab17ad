"""What the manifests tell other programs: NATS reads its configuration, and Envoy drains as its hook asks."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from deploy.installation import Installation
from deploy.local.scratch.resources import free_port
from edge.render import arguments
from tests.unit.deploy.kubernetes.manifests import OVERLAYS, named, overlay, workloads

TOOLS = Path(sys.executable).parent
ADMIN = "9901"


@pytest.mark.parametrize("name", OVERLAYS)
def test_nats_reads_its_configuration(name: str, installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "etc" / "nats"
    folder.mkdir(parents=True)
    darkroom = tmp_path / "etc" / "darkroom"
    darkroom.mkdir()
    (darkroom / "users").symlink_to(installation.secrets("nats"))
    (darkroom / "tls").symlink_to(installation.tls("nats"))
    for file, content in named(overlay(name), "ConfigMap", "darkroom-nats-configuration")["data"].items():
        (folder / file).write_text(content.replace("/etc/darkroom", str(darkroom)))
    (pod,) = [one for one in workloads(overlay(name)) if one.part == "nats"]
    given = {variable["name"]: variable.get("value", "") for variable in pod.pod["containers"][0]["env"]}
    environment = {variable: value.replace("$(POD_NAME)", "nats-0") for variable, value in given.items()} | {"POD_NAME": "nats-0"}
    done = subprocess.run(
        [TOOLS / "nats-server", "-t", "-c", folder / "nats.conf"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_envoy_gets_the_options_that_every_edge_has() -> None:
    (edge,) = [one for one in workloads(overlay("production")) if one.part == "envoy"]
    (container,) = edge.pod["containers"]
    wanted = [
        word.replace("-c", "--config-path") if word == "-c" else word for word in arguments(Path("/var/lib/darkroom/edge/envoy.json"))
    ]
    assert container["args"][: len(wanted)] == wanted


@pytest.fixture
def envoy(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """An Envoy with a listener named as that of the edge: the ports of its administration and of the listener."""
    admin, public = free_port(), free_port()
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}]}]
        },
        "http_filters": [
            {"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
        ],
    }
    listener = {
        "name": "public",
        "address": _address(public),
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    }
    (tmp_path / "envoy.yaml").write_text(
        yaml.safe_dump({"admin": {"address": _address(admin)}, "static_resources": {"listeners": [listener]}})
    )
    options = [
        "--disable-hot-restart",
        "--concurrency",
        "1",
        "--drain-time-s",
        "1",
        "--drain-strategy",
        "immediate",
        "--log-level",
        "error",
    ]
    process = subprocess.Popen([TOOLS / "envoy", "--config-path", tmp_path / "envoy.yaml", *options])
    try:
        _wait_for(public)
        yield admin, public
    finally:
        process.kill()
        process.wait()


def test_before_envoy_ends_it_asks_clients_to_go(envoy: tuple[int, int]) -> None:
    admin, public = envoy
    (edge,) = [one for one in workloads(overlay("production")) if one.part == "envoy"]
    program, option, script = edge.pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert ADMIN in script and "sleep 10" in script
    with httpx.Client(base_url=f"http://127.0.0.1:{public}", trust_env=False, timeout=60) as client:
        assert "connection" not in client.get("/").headers
        # The same script, but for the port, and a shorter wait.
        done = subprocess.run(
            [program, option, script.replace(ADMIN, str(admin)).replace("sleep 10", "sleep 1")],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        # It still answers, and says that this was the last time.
        assert client.get("/").headers["connection"] == "close"


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"nothing listens on port {port}")
