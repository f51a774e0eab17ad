"""The stack with all its parts, as `make up` leaves it."""

from __future__ import annotations

import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from dotenv import dotenv_values

from deploy.local.layout import Layout
from deploy.local.processes import find_processes
from edge.topology import CORE, SERVICES
from tests.certificate import make_certificate
from tests.stacks import StackUnderTest

pytestmark = pytest.mark.alone
# A task that no account has: 404 says that the key was accepted.
PROBE = "/v1/tasks/1/status"


def get(stack: StackUnderTest, key: str | None = None) -> int:
    headers = {"authorization": f"Bearer {key or stack.api_key}"}
    return httpx.get(f"{stack.url}{PROBE}", headers=headers, trust_env=False).status_code


def command(stack: StackUnderTest, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "deploy.local", "--dir", str(stack.dir), *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=120)


def test_the_env_file_is_private_and_its_key_works(stack: StackUnderTest) -> None:
    file = stack.dir / "env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    shell = subprocess.run(
        ["sh", "-c", f'. {file}; printf "%s %s" "$DARKROOM_URL" "$DARKROOM_API_KEY"'], capture_output=True, text=True, check=True
    )
    url, key = shell.stdout.split()
    assert url == stack.url
    assert get(stack, key) == 404
    assert get(stack, key[:-1] + ("a" if key[-1] != "a" else "b")) == 401


@pytest.mark.thorough
def test_a_lost_env_file_is_written_again_with_a_key_that_works(stack: StackUnderTest) -> None:
    before = stack.api_key
    (stack.dir / "env").unlink()
    stack.up()
    assert stack.api_key != before
    assert get(stack) == 404
    assert get(stack, before) == 404


def test_down_ends_every_part_in_good_order_and_up_brings_all_back(stack: StackUnderTest) -> None:
    log, key = stack.dir / "logs" / "supervisord.log", stack.api_key
    before = len(log.read_text())
    assert stack.down() == 0
    assert not find_processes(Layout.at(stack.dir))
    # What the supervisor writes when a part has not ended by itself within its time.
    assert "SIGKILL" not in log.read_text()[before:]

    stack.up()
    assert stack.api_key == key
    assert get(stack) == 404


def test_status_shows_every_part_and_says_when_one_is_missing(stack: StackUnderTest) -> None:
    result = command(stack, "status")
    assert result.returncode == 0, result.stdout
    shown = {line.split()[1] for line in result.stdout.splitlines() if line.startswith("✓")}
    assert shown == set(stack.stack.programs)

    stack.stop("s3")
    result = command(stack, "status")
    assert result.returncode == 1
    assert "✗  s3" in result.stdout


@pytest.mark.thorough
def test_env_and_logs_are_printed(stack: StackUnderTest) -> None:
    assert command(stack, "env").stdout == (stack.dir / "env").read_text()
    assert "JetStream" in command(stack, "logs", "nats").stdout
    unknown = command(stack, "logs", "nothing")
    assert unknown.returncode == 1
    assert "no log of nothing" in unknown.stderr


@pytest.mark.thorough
def test_restart_starts_a_new_process(stack: StackUnderTest) -> None:
    before = stack.pid("files")
    assert command(stack, "restart", "files").returncode == 0
    assert stack.pid("files") != before


@pytest.fixture
def reconfigured_stack(stack: StackUnderTest) -> Iterator[StackUnderTest]:
    before = stack.configured
    yield stack
    stack.configure(before)


@pytest.mark.thorough
def test_a_changed_setting_restarts_what_reads_it(reconfigured_stack: StackUnderTest, tmp_path: Path) -> None:
    before, configured = _pids(reconfigured_stack), reconfigured_stack.configured
    reconfigured_stack.configure({**configured, "DARKROOM_LOG_LEVEL": "debug"})
    reconfigured_stack.up()
    with_debug = _pids(reconfigured_stack)
    assert {part for part in before if with_debug[part] != before[part]} == set(SERVICES)
    assert reconfigured_stack.settings("tasks")["DARKROOM_LOG_LEVEL"] == "debug"

    # TLS is one setting, and takes the other one back at once.
    certificate = make_certificate(tmp_path)
    reconfigured_stack.configure({**configured, "DARKROOM_TLS_DIR": str(certificate)})
    reconfigured_stack.up()
    assert "DARKROOM_LOG_LEVEL" not in reconfigured_stack.settings("tasks")
    assert reconfigured_stack.url.startswith("https://")
    assert dotenv_values(reconfigured_stack.dir / "env")["DARKROOM_URL"] == reconfigured_stack.url
    headers = {"authorization": f"Bearer {reconfigured_stack.api_key}"}
    trusted = ssl.create_default_context(cafile=str(certificate / "tls.crt"))
    reply = httpx.get(f"{reconfigured_stack.url}{PROBE}", headers=headers, verify=trusted, trust_env=False)
    assert reply.status_code == 404


@pytest.mark.thorough
def test_services_share_a_process_unless_a_setting_separates_them(reconfigured_stack: StackUnderTest) -> None:
    stack = reconfigured_stack
    assert len({stack.pid(name) for name in CORE}) == len(CORE)
    stack.configure({**stack.configured, "DARKROOM_SEPARATE_SERVICES": "false"})
    stack.up()
    shared = stack.pid("core")
    assert {stack.pid(name) for name in CORE} == {shared}
    assert "core.log" in command(stack, "logs", "files", "tasks", "nats").stdout
    assert command(stack, "restart", *CORE).returncode == 0
    restarted = stack.kill("tasks")
    assert restarted != shared
    stack.wait_ready("files")
    assert stack.pid("gateway") != restarted
    assert get(stack) == 404


def _pids(stack: StackUnderTest) -> dict[str, int]:
    return {part: stack.pid(part) for part in stack.stack.programs}
