"""`darkroom-admin migrate` and `darkroom-admin SERVICE …`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import make_url

from deploy.admin.commands import main
from deploy.local.layout import REPOSITORY
from deploy.local.scratch.resources import free_port
from edge.topology import DATABASES
from tests.stacks import StackUnderTest


@pytest.mark.thorough
def test_an_empty_database_is_migrated_once(database: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DARKROOM_DATABASE_URL", database)
    assert main(["migrate", "tasks"]) == 0
    assert "migrations run" in capfd.readouterr().out
    assert main(["migrate", "tasks"]) == 0
    assert capfd.readouterr().out.endswith(", nothing to do\n")


@pytest.mark.thorough
def test_two_at_once_are_harmless(database: str, stack: StackUnderTest) -> None:
    command = [sys.executable, "-m", "deploy.admin", "migrate", "files"]
    both = [subprocess.Popen(command, cwd=REPOSITORY, env={"DARKROOM_DATABASE_URL": database}) for _ in range(2)]
    assert [one.wait(120) for one in both] == [0, 0]
    versions = stack.fetch(make_url(database).database or "", "SELECT version_num FROM alembic_version")
    assert len(versions) == 1


def test_a_database_that_stays_away(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    monkeypatch.setenv("DARKROOM_DATABASE_URL", f"postgresql+asyncpg://tasks:secret-word@127.0.0.1:{port}/tasks")
    assert main(["migrate", "tasks", "--wait", "0"]) == 1
    told = capfd.readouterr().err
    assert f"tasks: nothing listens at 127.0.0.1:{port} -> start it, or correct DARKROOM_DATABASE_URL" in told
    assert "secret-word" not in told


@pytest.mark.thorough
def test_a_database_that_comes_later(
    stack: StackUnderTest, database: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    url = make_url(database)
    later = f"{url.database}_later"
    monkeypatch.setenv("DARKROOM_DATABASE_URL", url.set(database=later).render_as_string(hide_password=False))
    results: list[int] = []
    migrating = threading.Thread(target=lambda: results.append(main(["migrate", "files", "--wait", "120"])))
    migrating.start()
    # Whether or not it has looked before, it goes on when the database is there.
    time.sleep(3)
    stack.run(stack._execute(f'CREATE DATABASE "{later}" OWNER "{url.username}"'))
    migrating.join()
    assert results == [0]
    assert "files: at " in capfd.readouterr().out
    stack.drop_database(url.set(database=later).render_as_string(hide_password=False))


def test_all_databases_of_a_stack(stack: StackUnderTest, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "--stack", str(stack.dir)]) == 0
    assert [line.split(":")[0] for line in capfd.readouterr().out.splitlines()] == list(DATABASES)


def test_a_service_without_a_database_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", "gateway"]) == 2
    assert "gateway has no database" in capsys.readouterr().err


@pytest.mark.thorough
def test_commands_of_a_service_are_passed_on(stack: StackUnderTest, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", str(stack.dir), "accounts", "create-account", "--name", "by darkroom-admin", "--key", "first"]) == 0
    created = json.loads(capfd.readouterr().out)
    assert created["name"] == "by darkroom-admin"
    assert main(["--stack", str(stack.dir), "tasks", "balance", "--account", created["id"]]) == 0
    assert json.loads(capfd.readouterr().out)["account_id"] == created["id"]
    assert main(["--stack", str(stack.dir), "tasks", "balance", "--account", "none"]) == 2
    assert "must be an id" in capfd.readouterr().err


def test_a_folder_without_a_stack_or_an_installation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", str(tmp_path), "accounts", "list"]) == 2
    assert main(["--installation", str(tmp_path), "accounts", "list"]) == 2
    assert "is not an installation folder; `darkroom-admin create" in capsys.readouterr().err
