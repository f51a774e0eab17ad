"""NATS accounts of a stack."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.installation.nats_users import RIGHTS
from deploy.local.assembly import create_stack
from deploy.local.commands import main
from deploy.local.errors import StackError
from deploy.local.programs.services import service_environment
from edge.topology import SERVICES
from services.platform.joining import NATS_USER


def configured(folder: Path, setting: str) -> str:
    (folder / "settings.env").write_text(setting)
    stack = create_stack(folder, port=0)
    assert "DARKROOM_NATS_ACCOUNTS" not in stack.config.settings.services
    stack.programs["nats"].configure()
    return (stack.config.layout.config / "nats.conf").read_text()


def test_a_stack_has_the_global_account_alone(tmp_path: Path) -> None:
    configuration = configured(tmp_path, "")
    assert 'authorization { users: [\n  { user: "darkroom", ' in configuration
    assert "accounts {" not in configuration


def test_more_have_a_jetstream_each(tmp_path: Path) -> None:
    configuration = configured(tmp_path, "DARKROOM_NATS_ACCOUNTS=2\n")
    assert [line.split()[0] for line in configuration.splitlines() if "jetstream: enabled" in line] == [
        '"darkroom"',
        '"scratch-1"',
        '"scratch-2"',
    ]


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="DARKROOM_NATS_ACCOUNTS is 'many'; it must be a whole number, 0 or more"):
        configured(tmp_path, "DARKROOM_NATS_ACCOUNTS=many\n")


def test_a_stack_from_before_services_had_users_gets_them(tmp_path: Path) -> None:
    configured(tmp_path, "")
    file = tmp_path / "secrets.json"
    before = {name: value for name, value in json.loads(file.read_text()).items() if name != "nats_users"}
    file.write_text(json.dumps(before))
    configuration = configured(tmp_path, "")
    after = json.loads(file.read_text())
    assert {**after, "nats_users": None} == {**before, "nats_users": None}
    assert set(after["nats_users"]) == {*SERVICES, NATS_USER}
    assert all(after["nats_users"][name] in configuration for name in SERVICES)


def test_workers_on_other_machines_have_a_user_where_there_is_a_port_for_them(tmp_path: Path) -> None:
    assert "handshake_first" not in configured(tmp_path, "DARKROOM_INTERNAL_TLS=true\n")
    configuration = configured(tmp_path, "DARKROOM_WORKER_LISTEN=0.0.0.0:8444\n")
    password = json.loads((tmp_path / "secrets.json").read_text())["nats_users"][NATS_USER]
    [line] = [line for line in configuration.splitlines() if password in line]
    said = json.loads(line)
    assert said["user"] == NATS_USER
    assert said["permissions"]["publish"]["allow"] == ["OFFERS.*", "$SYS.REQ.USER.INFO"]
    assert set(said["permissions"]["subscribe"]["allow"]) == {"CANCEL.*", "MODELS.state", "_INBOX.worker.>"}
    assert said["permissions"]["allow_responses"]["max"] == 1
    assert "handshake_first: auto" in configuration


def test_joined_workers_get_another_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = configured(tmp_path, "DARKROOM_WORKER_LISTEN=0.0.0.0:8444\n")
    known = json.loads((tmp_path / "secrets.json").read_text())
    assert main(["--dir", str(tmp_path), "new-worker-password"]) == 0
    assert "changes with the next `up`" in capsys.readouterr().out
    secrets = json.loads((tmp_path / "secrets.json").read_text())
    new = secrets["nats_users"].pop(NATS_USER)
    old = known["nats_users"].pop(NATS_USER)
    # Nobody else has another one.
    assert secrets == known
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
    after = configured(tmp_path, "DARKROOM_WORKER_LISTEN=0.0.0.0:8444\n")
    assert (new in before, old in after) == (False, False)
    assert after.replace(new, old) == before
    settings = service_environment(create_stack(tmp_path, port=0).config, "accounts")
    assert settings["DARKROOM_WORKER_NATS_PASSWORD"] == new


def test_only_services_have_rights() -> None:
    assert set(RIGHTS) <= set(SERVICES)


def test_nats_serves_its_monitoring_only_where_it_is_asked_to(tmp_path: Path) -> None:
    assert "http" not in configured(tmp_path, "")
    assert re.search(r'^http: "127\.0\.0\.1:\d+"$', configured(tmp_path, "DARKROOM_NATS_MONITORING=true\n"), re.MULTILINE)
