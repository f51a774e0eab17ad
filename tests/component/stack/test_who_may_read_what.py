"""What the processes of a running stack know and show."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import psutil

from deploy.local.processes import find_processes, listening_ports
from models.shared_memory import region_prefix
from tests.stacks import StackUnderTest


def test_only_files_knows_the_object_storage(stack: StackUnderTest) -> None:
    secret = stack.stack.config.credentials.s3_secret_key
    knowing = {
        part for part in stack.stack.programs if any(secret in value for value in psutil.Process(stack.pid(part)).environ().values())
    }
    assert knowing == {"s3", "files"}


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
    known = {"public", "nats", "s3", "triton_metrics", "metrics_edge"} | {name for name in ports.named if name.startswith("metrics_")}
    assert listening_ports(stack.stack.config.layout) == {ports.named[name] for name in known}


def test_shared_memory_is_for_its_user_alone(stack: StackUnderTest) -> None:
    regions = list(Path("/dev/shm").glob(f"{region_prefix(stack.pid('triton'))}*"))
    assert regions
    assert {stat.S_IMODE(region.stat().st_mode) for region in regions} == {0o600}


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    return [str(value)]
