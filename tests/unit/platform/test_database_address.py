"""How a service's database is named in settings."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from services.platform.config import DatabaseSettings, load
from services.platform.database_address import DatabaseAddress
from tests.certificate import make_certificate


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("postgresql+asyncpg://u:p%40@h/d", {"host": "h", "user": "u", "password": "p@", "database": "d"}),
        ("postgres://u:p@h:6/d?sslmode=require", {"host": "h", "port": 6, "user": "u", "password": "p", "database": "d"}),
        ("postgresql+asyncpg://u:p@/d?host=/a/b%20c", {"host": "/a/b c", "user": "u", "password": "p", "database": "d"}),
        (
            "postgresql://u:p@h1:6,h2,[::1]:7/d?ssl=disable",
            {"host": ["h1", "h2", "::1"], "port": [6, 5432, 7], "user": "u", "password": "p", "database": "d"}
            | {"target_session_attrs": "read-write"},
        ),
        (
            "postgresql://u@/d?host=h1,h2&port=1,2&target_session_attrs=any",
            {"host": ["h1", "h2"], "port": [1, 2], "user": "u", "database": "d", "target_session_attrs": "any"},
        ),
    ],
)
def test_urls_in_sqlalchemys_and_libpqs_form(url: str, options: dict[str, object]) -> None:
    _, given = dialect().create_connect_args(make_url(DatabaseAddress.parse(url).url))  # type: ignore[no-untyped-call]
    assert given == options


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://u:secret@h/d", "must begin with postgresql+asyncpg://"),
        ("postgresql://u:secret@h", "names no database"),
        ("postgresql://u:secret@h:port/d", "has a host that is not HOST or HOST:PORT"),
        ("postgresql://u:secret@h1,h2:99999/d", "has a host that is not HOST or HOST:PORT"),
        ("postgresql://u:secret@h/d?channel_binding=require", "has the option channel_binding; known are"),
        ("postgresql://u:my@secret@h/d", "has an @ in the user or the password; in the user and the password, percent-encode"),
        ("postgresql://u:my?secret@h/d", "has a ? before the host; in the user and the password"),
        ("postgresql://u:secret\u2100@h/d", "is not a URL; in the user and the password"),
        ("postgresql://u:secret@h/d?ssl=on", "has ssl=on; it must be one of disable, allow"),
    ],
)
def test_what_is_wrong_in_a_url_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, problem: str
) -> None:
    told = _problems(monkeypatch, capsys, DATABASE_URL=url)
    assert problem in told
    assert "secret" not in told


def test_a_certificate_that_cannot_be_checked_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    authority = make_certificate(tmp_path / "certificate") / "tls.crt"
    told = _problems(monkeypatch, capsys, DATABASE_URL="postgresql://h/d?sslmode=verify-full", DATABASE_POOLER="session")
    assert "DATABASE_CA_FILE: Value error, is required" in told
    assert "DATABASE_POOLER: Input should be 'none' or 'transaction'" in told
    told = _problems(monkeypatch, capsys, DATABASE_URL="postgresql://h/d?ssl=require", DATABASE_CA_FILE=str(authority))
    assert "has no effect unless" in told
    told = _problems(monkeypatch, capsys, DATABASE_URL="postgresql://h/d?ssl=verify-ca", DATABASE_CA_FILE=str(tmp_path / "nowhere"))
    assert "DATABASE_CA_FILE: Value error, is not a readable PEM file" in told
    monkeypatch.delenv("DARKROOM_DATABASE_CA_FILE")
    monkeypatch.setenv("PGSSLROOTCERT", str(authority))
    monkeypatch.setenv("DARKROOM_DATABASE_POOLER", "transaction")
    assert load(DatabaseSettings).database.ssl() == "verify-ca"


@pytest.mark.parametrize(("mode", "name"), [("verify-ca", False), ("verify-full", True)])
def test_the_authority_and_the_name_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, *, name: bool) -> None:
    own = make_certificate(tmp_path / "own")
    monkeypatch.setenv("PGSSLCERT", str(own / "tls.crt"))
    monkeypatch.setenv("PGSSLKEY", str(own / "tls.key"))
    context = DatabaseAddress.parse(f"postgresql://h/d?ssl={mode}", own / "tls.crt").ssl()
    assert isinstance(context, ssl.SSLContext)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, name)
    assert len(context.get_ca_certs()) == 1


def _problems(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **settings: str) -> str:
    for setting, value in settings.items():
        monkeypatch.setenv(f"DARKROOM_{setting}", value)
    with pytest.raises(SystemExit):
        load(DatabaseSettings)
    return capsys.readouterr().err
