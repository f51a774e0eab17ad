"""NATS accounts of a stack."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.installation.nats_users import RIGHTS
from deploy.local.assembly import create_stack
from deploy.local.errors import StackError
from edge.topology import SERVICES


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
    assert set(after["nats_users"]) == set(SERVICES)
    assert all(after["nats_users"][name] in configuration for name in SERVICES)


def test_workers_on_other_machines_have_no_user(tmp_path: Path) -> None:
    configuration = configured(tmp_path, "DARKROOM_WORKER_LISTEN=0.0.0.0:8444\n")
    users = [json.loads(line)["user"] for line in configuration.splitlines() if '"user"' in line]
    assert users == list(SERVICES)
    edge = create_stack(tmp_path, port=0).programs["envoy"]
    edge.configure()
    written = (tmp_path / "config" / "envoy" / "envoy.json").read_text()
    assert "workers_tasks" in written
    assert "nats" not in written


def test_only_services_have_rights() -> None:
    assert set(RIGHTS) <= set(SERVICES)


def test_nats_serves_its_monitoring_only_where_it_is_asked_to(tmp_path: Path) -> None:
    assert "http" not in configured(tmp_path, "")
    assert re.search(r'^http: "127\.0\.0\.1:\d+"$', configured(tmp_path, "DARKROOM_NATS_MONITORING=true\n"), re.MULTILINE)
