"""The tests of the images that have been built. `test_running.py` starts them in a network of their own."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.layout import REPOSITORY
from edge.topology import SERVICES
from tests.component.images.composition import Composition
from tests.component.images.container import USER

ADDRESSES = {
    part: f"10.77.0.{number}"
    for number, part in enumerate(
        (
            "volumes",
            "postgres",
            "nats",
            "s3",
            "triton-cpu",
            "migrate",
            "accounts",
            "files",
            "tasks",
            "gateway",
            "inference",
            "edge-config",
            "envoy",
            "admin",
        ),
        start=10,
    )
}
URL = f"http://{ADDRESSES['envoy']}:8080"
STAYING = [part for part in ADDRESSES if part not in ("volumes", "migrate", "edge-config", "admin")]


@pytest.fixture(scope="module")
def composition(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    folder = tmp_path_factory.mktemp("composed")
    # A temporary folder is its owner's alone.
    for parent in (folder, *folder.parents):
        if parent != Path("/tmp") and parent.is_relative_to("/tmp"):
            parent.chmod(0o711)
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    made = Composition(folder, version, URL, ADDRESSES)
    try:
        made.up()
        for part in STAYING:
            made.wait(part)
        yield made
    finally:
        made.close()


def test_every_part_is_ready(composition: Composition) -> None:
    assert [part for part in STAYING if not composition.containers[part].is_running()] == []


@pytest.mark.parametrize("part", ["accounts", "triton-cpu"])
def test_what_runs_can_write_nowhere_else(composition: Composition, part: str) -> None:
    container = composition.containers[part]
    assert container.execute("sh", "-c", "touch /opt/darkroom/x || touch /var/lib/x || touch /etc/darkroom/x")[0] is False
    assert container.execute("sh", "-c", "touch /tmp/x")[0] is True
    _, identity = container.execute("sh", "-c", "id -u; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status")
    assert identity.split() == [str(USER), "CapEff:", "0000000000000000", "NoNewPrivs:", "1"]
    _, privileged = container.execute("find", "/usr", "/opt", "-xdev", "-type", "f", "-perm", "/6000")
    assert privileged == ""


def test_no_tools_are_in_the_image(composition: Composition) -> None:
    tools = "pip pytest mypy ruff buf node gcc cc make git curl wget nats-server envoy postgres"
    assert composition.containers["accounts"].execute("sh", "-c", f"for name in {tools}; do command -v $name; done; true")[1] == ""


def test_the_check_finds_no_problem(composition: Composition) -> None:
    container = composition.run("admin", "check")
    assert container.status() == 0, container.log()
    assert container.execute("cat", "/installation/tls/authority/ca.key")[0] is False


def test_a_cut_out(composition: Composition, tmp_path: Path) -> None:
    succeeded, told = composition.containers["accounts"].execute(
        "darkroom", "accounts", "create-account", "--name", "me", "--key", "laptop"
    )
    assert succeeded, told
    key = json.loads(told)["key"]
    client = [str(REPOSITORY / ".venv" / "bin" / "darkroom"), "remove-background", str(REPOSITORY / "samples" / "portrait.jpg")]
    done = subprocess.run(
        [*client, "--output", str(tmp_path / "cut-out.png")],
        env={**os.environ, "DARKROOM_URL": URL, "DARKROOM_API_KEY": key},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "cut-out.png").read_bytes().startswith(b"\x89PNG")


def test_a_link_that_signs_in(composition: Composition) -> None:
    succeeded, told = composition.containers["accounts"].execute("darkroom", "accounts", "create-sign-in-link")
    assert succeeded, told
    assert URL in told


@pytest.mark.parametrize("part", [*SERVICES, "triton-cpu"])
def test_it_ends_when_it_is_told_to(composition: Composition, part: str) -> None:
    container = composition.containers[part]
    container.host.stop("main")
    assert container.status() == 0, container.log()
