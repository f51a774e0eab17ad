"""Settings that are read from the files that `DARKROOM_X_FILE` names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import NoDecode

from services.accounts.config import AccountsSettings
from services.accounts.config import AdministrationSettings as AccountsAdministration
from services.files.config import FilesSettings
from services.gateway.config import GatewaySettings
from services.gateway.surfaces.snapotter.settings import SnapOtterSettings
from services.inference.config import InferenceSettings
from services.platform.config import load
from services.platform.egress.settings import Networks
from services.platform.environment import EnvironmentSettings
from services.tasks.config import AdministrationSettings as TasksAdministration
from services.tasks.config import TasksSettings
from services.tasks.surfaces.fal.settings import FalSettings

ALL = (
    AccountsSettings,
    AccountsAdministration,
    FilesSettings,
    GatewaySettings,
    InferenceSettings,
    TasksSettings,
    TasksAdministration,
    FalSettings,
    SnapOtterSettings,
)


class Example(EnvironmentSettings):
    """One setting of each kind."""

    secret: SecretStr = Field(description="What nobody may see.")
    many: int = 7
    pairs: Annotated[dict[str, int], NoDecode] = Field(default_factory=dict)
    networks: Networks = ()
    key_file: Path = Path("/usual")
    token: str = "none"
    token_file: Path | None = None
    renamed: int = Field(1, validation_alias=AliasChoices("DARKROOM_RENAMED", "DARKROOM_FORMER"))


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a secret, which the setting is read from."""
    path = tmp_path / "secret"
    path.write_text("from the file\n")
    monkeypatch.setenv("DARKROOM_SECRET_FILE", str(path))
    return path


def problem(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as exit_:
        load(Example)
    assert exit_.value.code == 2
    return capsys.readouterr().err


def test_a_setting_is_read_from_a_file(named: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in {"MANY": "12\n", "NETWORKS": "10.0.0.0/8, 192.0.2.0/24\n", "FORMER": "3"}.items():
        (named.parent / name).write_text(content)
        monkeypatch.setenv(f"DARKROOM_{name}_FILE", str(named.parent / name))
    read = load(Example)
    assert (read.secret.get_secret_value(), read.many, len(read.networks), read.renamed) == ("from the file", 12, 2, 3)


@pytest.mark.parametrize(("content", "value"), [("a", "a"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a \n", " a "), ("ä", "ä")])
def test_only_the_newline_at_the_end_is_left_out(named: Path, content: str, value: str) -> None:
    named.write_bytes(content.encode())
    assert load(Example).secret.get_secret_value() == value


def test_a_setting_that_is_a_path_stays_one(named: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_KEY_FILE", str(named))
    monkeypatch.setenv("DARKROOM_TOKEN_FILE", str(named))
    read = load(Example)
    assert (read.key_file, read.token, read.token_file) == (named, "none", named)


def test_a_value_and_a_file_exclude_each_other(named: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DARKROOM_SECRET", "from the environment")
    told = problem(capsys)
    assert "DARKROOM_SECRET: Value error, is set, and so is DARKROOM_SECRET_FILE; unset one of them (What nobody may see.)" in told
    assert "from the" not in told
    assert str(named) not in told


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("missing", "/missing: No such file or directory"),
        ("folder", "/folder: Is a directory"),
        ("empty", "is empty in the file that DARKROOM_SECRET_FILE names"),
        ("newline", "is empty in the file that DARKROOM_SECRET_FILE names"),
        ("binary", "/binary: it is not text in UTF-8"),
        ("huge", "/huge: it is larger than 1 MiB"),
    ],
)
def test_a_file_that_holds_no_value_is_told_with_all_other_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str, why: str
) -> None:
    (tmp_path / "folder").mkdir()
    for name, content in {"empty": b"", "newline": b"\n", "binary": b"\xff", "huge": b"1" * (1 << 20) + b"1"}.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("DARKROOM_SECRET_FILE", str(tmp_path / path))
    monkeypatch.setenv("DARKROOM_MANY", "a few")
    monkeypatch.setenv("DARKROOM_NETWORKS_FILE", str(tmp_path / "nowhere"))
    monkeypatch.setenv("DARKROOM_PAIRS_FILE", str(tmp_path / "nowhere"))
    told = problem(capsys)
    assert "Example: 4 setting(s) need attention:" in told
    assert why in told
    assert "DARKROOM_MANY: Input should be a valid integer" in told
    assert "DARKROOM_NETWORKS: Value error, cannot be read from the file that DARKROOM_NETWORKS_FILE names" in told
    assert "DARKROOM_PAIRS: Value error, cannot be read from the file that DARKROOM_PAIRS_FILE names" in told


def test_what_a_file_holds_is_not_shown_when_it_is_wrong(
    named: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DARKROOM_MANY_FILE", str(named))
    assert "from the file" not in problem(capsys)


@pytest.mark.parametrize("settings", ALL, ids=lambda settings: f"{settings.__module__}.{settings.__name__}")
def test_every_setting_of_every_process_can_come_from_a_file(
    settings: type[EnvironmentSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = [name for name in settings.model_fields if not name.endswith("_file")]
    for name in values:
        monkeypatch.setenv(f"DARKROOM_{name}_FILE".upper(), str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit):
        load(settings)
    told = capsys.readouterr().err
    assert [name for name in values if f"names, {tmp_path}/nowhere: No such" not in _line(told, name)] == []
    assert {f"DARKROOM_{name}_FILE".upper() for name in values} <= settings.variables()


def _line(told: str, name: str) -> str:
    return next((line for line in told.splitlines() if line.startswith(f"  DARKROOM_{name.upper()}: ")), "")
