"""What `darkroom-admin create` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.admin.commands import main
from deploy.installation import Installation


def test_the_first_time_it_needs_the_public_url(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["create", str(tmp_path / "new")]) == 2
    assert "--public-url" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    assert main(["create", str(tmp_path / "new"), "--public-url", "http://localhost:8080"]) == 0
    assert "new certificates for accounts, " in capsys.readouterr().out
    assert main(["create", str(tmp_path / "new")]) == 0
    assert "every certificate is kept; all are valid until " in capsys.readouterr().out


def test_it_says_what_it_keeps_in_spite_of_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["create", str(tmp_path), "--public-url", "http://localhost:8080"]) == 0
    capsys.readouterr()
    changed = [
        "--public-url",
        "http://localhost:9090",
        "--nats-url",
        "tls://{service}:{password}@other:4222",
        "--host",
        "nats=other",
        "--s3-bucket",
        "other",
    ]
    assert main(["create", str(tmp_path), *changed]) == 0
    told = capsys.readouterr()
    assert "new certificates for nats; " in told.out
    assert "restart each" in told.out
    assert "DARKROOM_PUBLIC_URL is http://localhost:8080 in settings.env and is not changed" in told.err
    assert "DARKROOM_S3_BUCKET is darkroom in settings.env and is not changed" in told.err
    assert "DARKROOM_S3_REGION" not in told.err
    assert "--nats-url applies to missing secrets only" in told.err
    assert "@nats:4222" in (Installation.open(tmp_path).secret("files", "nats-url") or "")


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["create", str(tmp_path / "file"), "--public-url", "http://localhost:8080"]) == 2
    assert capsys.readouterr().err.endswith(" cannot be used: Not a directory\n")


def test_options_of_several_kinds(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("THE-KEY\nTHE-SECRET\n")
    urls = [
        "--database-url",
        "tasks=postgresql+asyncpg://t:p@db/t",
        "--database-url",
        "files=postgresql+asyncpg://f:p@db/f?ssl=verify-full",
    ]
    storage = ["--s3-keys", str(tmp_path / "keys"), "--s3-bucket", "pictures", "--s3-endpoint", "https://s3.example"]
    assert main(["create", str(tmp_path / "new"), "--public-url", "http://localhost", *urls, *storage]) == 0
    made = Installation.open(tmp_path / "new")
    assert made.secret("files", "database-url") == "postgresql+asyncpg://f:p@db/f?ssl=verify-full"
    assert (made.secret("files", "s3-access-key"), made.secret("files", "s3-secret-key")) == ("THE-KEY", "THE-SECRET")
    assert made.settings["DARKROOM_S3_BUCKET"] == "pictures"
    assert made.settings["DARKROOM_S3_ENDPOINT"] == "https://s3.example"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--database-url", "postgresql+asyncpg://one@host/one", "--database-url", "tasks=x"], "give --database-url once"),
        (["--database-url", "tasks=of-no-kind"], "give --database-url once"),
        (["--s3-keys", "/no/such/file"], "cannot be read: No such file"),
    ],
)
def test_options_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], problem: str) -> None:
    assert main(["create", str(tmp_path / "new"), "--public-url", "http://localhost", *options]) == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
