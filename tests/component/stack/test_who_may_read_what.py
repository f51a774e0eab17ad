"""What the processes of a running stack know and show."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import psutil

from deploy.local.daemon.child import read_environment
from deploy.local.processes import find_processes, listening_ports
from deploy.local.supervisor import MARKER
from edge.topology import CORE
from models.triton_environment import region_prefix
from tests.stacks import StackUnderTest


def test_only_files_and_what_shares_its_process_know_the_object_storage(stack: StackUnderTest) -> None:
    secret = stack.stack.config.credentials.s3_secret_key
    given = {part: environment_of(stack, part) for part in stack.stack.programs}
    assert {part for part, environment in given.items() if any(secret in value for value in environment.values())} == {"s3", "core"}


def environment_of(stack: StackUnderTest, part: str) -> dict[str, str]:
    """What its process began with, and what it was then given from a file."""
    file = stack.stack.config.layout.config / f"{part}.env"
    return psutil.Process(stack.pid(part)).environ() | (read_environment(file) if file.exists() else {})


def test_services_are_forks_that_show_what_they_are_and_hold_no_secret_in_their_environment(stack: StackUnderTest) -> None:
    marker = str(stack.stack.config.layout.root)
    for name, arguments in (("core", CORE), ("inference", ())):
        process = psutil.Process(stack.pid(name))
        assert [word for word in process.cmdline() if word] == [sys.executable, "-m", f"services.{name}", *arguments]
        assert process.name() == name
        # It is that of the supervisor: one that was executed has the name of its program as well.
        environment = process.environ()
        assert environment[MARKER] == marker
        assert "SUPERVISOR_PROCESS_NAME" not in environment


def test_no_argument_of_a_process_is_a_secret(stack: StackUnderTest) -> None:
    layout = stack.stack.config.layout
    secrets = _texts(json.loads(layout.secrets_file.read_text()))
    assert len(secrets) > 5
    for process in find_processes(layout):
        try:
            words = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        assert not [secret for secret in secrets if secret in words], words


def test_sockets_are_for_their_user_alone(stack: StackUnderTest) -> None:
    layout = stack.stack.config.layout
    modes = {path.name: path.lstat().st_mode for path in layout.run.rglob("*") if path.is_socket()}
    assert {"accounts.sock", "tasks-internal.sock", "triton.sock:1", "triton-http.sock", "envoy-admin.sock", "supervisor.sock"} <= set(
        modes
    )
    open_to_others = {name for name, mode in modes.items() if mode & 0o077 and not name.startswith(".s.PGSQL")}
    assert not open_to_others
    # PostgreSQL opens its socket to all, in a folder that is its own, and asks for a password.
    assert stat.S_IMODE(layout.postgres_sockets.stat().st_mode) == 0o700


def test_folders_are_for_their_user_alone(stack: StackUnderTest) -> None:
    layout = stack.stack.config.layout
    for folder in (layout.keys, layout.config, layout.logs, layout.tmp, layout.data / "nats", layout.data / "objects"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_only_the_edge_storage_nats_and_metrics_listen_on_ports(stack: StackUnderTest) -> None:
    ports = stack.stack.config.ports
    known = {"public", "nats", "s3", "triton_metrics", "metrics_edge"} | {name for name in ports.by_name if name.startswith("metrics_")}
    assert listening_ports(stack.stack.config.layout) == {ports.by_name[name] for name in known}


def test_shared_memory_is_for_its_user_alone(stack: StackUnderTest) -> None:
    regions = list(Path("/dev/shm").glob(f"{region_prefix(stack.pid('triton'))}*"))
    assert regions
    assert {stat.S_IMODE(region.stat().st_mode) for region in regions} == {0o600}


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    return [str(value)]
