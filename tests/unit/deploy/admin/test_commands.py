"""Commands of `darkroom-admin` that need no server."""

from __future__ import annotations

import pytest

from deploy.admin.commands import main


@pytest.mark.cases(1)
@pytest.mark.parametrize("arguments", [["accounts", "--help"], ["accounts"]])
def test_the_help_of_a_service_is_its_own(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert "create-account" in capfd.readouterr().out


def test_the_environment_of_one_service_migrates_no_other(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Three services' tables would be in one database."""
    monkeypatch.setenv("DARKROOM_DATABASE_URL", "postgresql+asyncpg://tasks@127.0.0.1:1/tasks")
    assert main(["migrate", "--wait", "0"]) == 2
    assert "Name the service whose database is in the environment (`migrate tasks`)" in capsys.readouterr().err
