"""`darkroom-admin check` of an operator's own PostgreSQL: TLS, several servers, PgBouncer in between."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.admin.checks import postgres
from deploy.admin.checks.findings import Finding, Level
from deploy.admin.checks.postgres import check_database
from services.platform.config import DatabaseSettings
from services.platform.migrations import migrate
from tests.certificate import make_certificate
from tests.harness.postgres_servers import HOST, PostgresServer, pgbouncer, postgres_servers, tls_before
from tests.stacks import StackUnderTest

_URL = "postgresql+asyncpg://darkroom@{}/postgres"


@pytest.fixture(scope="module")
async def servers(postgres: StackUnderTest) -> AsyncIterator[list[PostgresServer]]:
    """The first takes writes, and the second follows it."""
    async with postgres_servers(postgres, 2) as [first, second]:
        await second.follow(first)
        await second.start()
        yield [first, second]


async def problems(settings: DatabaseSettings, *, level: Level = Level.PROBLEM) -> list[Finding]:
    found, _ = await check_database("files", settings)
    return [one for one in found if one.level is level and one.subject == "PostgreSQL"]


async def test_the_authority_of_the_server(servers: list[PostgresServer], tmp_path: Path) -> None:
    certificate, stranger = make_certificate(tmp_path / "certificate"), make_certificate(tmp_path / "stranger")
    async with tls_before(servers[0], certificate) as port:
        url = f"{_URL.format(f'{HOST}:{port}')}?ssl=verify-full"
        assert await problems(DatabaseSettings(database_url=url, database_ca_file=certificate / "tls.crt")) == []
        (wrong,) = await problems(DatabaseSettings(database_url=url, database_ca_file=stranger / "tls.crt"))
        assert "is not accepted: self-signed certificate" in wrong.text
        assert wrong.remedy == "name its authority in DARKROOM_DATABASE_CA_FILE"
        (name,) = await problems(DatabaseSettings(database_url=url.replace(HOST, "localhost"), database_ca_file=certificate / "tls.crt"))
        assert "Hostname mismatch" in name.text
        assert "a name that is in it" in name.remedy
    plain = _URL.format(f"{HOST}:{servers[0].port}") + "?ssl=require"
    assert "offers no TLS" in (await problems(DatabaseSettings(database_url=plain)))[0].text


async def test_a_standby_alone_and_beside_the_server_that_it_follows(servers: list[PostgresServer]) -> None:
    first, second = (f"{HOST}:{server.port}" for server in servers)
    (alone,) = await problems(DatabaseSettings(database_url=_URL.format(second)))
    assert "standby" in alone.text
    assert "DARKROOM_DATABASE_URL name the primary" in alone.remedy
    found, facts = await check_database("files", DatabaseSettings(database_url=_URL.format(f"{second},{first}")))
    assert not [one for one in found if one.level is Level.PROBLEM]
    assert facts is not None
    assert facts.server == first


@pytest.mark.skipif(shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin") is None, reason="needs Debian's package pgbouncer")
@pytest.mark.parametrize(
    ("mode", "connections", "setting", "told"),
    [
        ("transaction", 3, "none", "a pooler in transaction mode is in between"),
        ("transaction", 1, "none", "a pooler in transaction mode is in between"),
        ("transaction", 3, "transaction", ""),
        ("session", 3, "none", ""),
        ("session", 1, "none", ""),
    ],
)
async def test_a_pooler_is_told_by_what_it_pools(
    servers: list[PostgresServer], monkeypatch: pytest.MonkeyPatch, mode: str, connections: int, setting: str, told: str
) -> None:
    if (mode, connections) != ("session", 1):
        # Only there a connection is waited for in vain; others may be slow on a busy machine.
        monkeypatch.setattr(postgres, "_SECONDS", 30.0)
    name = f"d{uuid.uuid4().hex[:8]}"
    await servers[0].execute(f"CREATE DATABASE {name}")
    async with pgbouncer(servers[0], connections=connections, mode=mode) as port:
        url = f"postgresql+asyncpg://darkroom@{HOST}:{port}/{name}"
        found = await problems(DatabaseSettings.model_validate({"database_url": url, "database_pooler": setting}))
    assert [one.text for one in found] == ([told] if told else [])
    assert all(one.remedy == "DARKROOM_DATABASE_POOLER=transaction" for one in found)


async def test_migrations_of_a_later_version_are_left_alone(servers: list[PostgresServer]) -> None:
    name = f"d{uuid.uuid4().hex[:8]}"
    await servers[0].execute(f"CREATE DATABASE {name}")
    url = f"postgresql+asyncpg://darkroom@{HOST}:{servers[0].port}/{name}"
    await asyncio.to_thread(migrate, "files", url)
    await servers[0].execute("UPDATE alembic_version SET version_num = '9999'", name)
    found, _ = await check_database("files", DatabaseSettings(database_url=url))
    assert [one.text for one in found if one.subject == "migrations"] == ["up to date, 9999 of a later version"]
