"""Checks that need no server of the platform."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.admin.checks.certificates import check_own
from deploy.admin.checks.clocks import clock
from deploy.admin.checks.findings import Level
from deploy.admin.checks.messaging import check_jetstream, covers, missing_rights
from deploy.admin.checks.peers import check_tls, listeners
from deploy.admin.checks.public import check_edge
from deploy.installation import Installation, create, creation
from deploy.installation.authority import Lifetime
from deploy.installation.nats_users import rights_of
from deploy.local.scratch.resources import free_port
from edge.topology import SERVICES
from services.platform.tls import MutualTls

_DAY = datetime.timedelta(days=1)


def installation(folder: Path, monkeypatch: pytest.MonkeyPatch, days: float = 700) -> Installation:
    monkeypatch.setattr(creation, "_LIFETIME", Lifetime(valid=days * _DAY, remaining=-1000 * _DAY))
    return create(folder, public_url="http://localhost")


def test_a_certificate_that_lasts_and_names_its_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = installation(tmp_path, monkeypatch)
    assert [one.level for one in check_own(made.tls("files"), "files")] == [Level.OK]


@pytest.mark.parametrize(("days", "level", "text"), [(29.5, Level.WARNING, "expires in 29 days"), (-0.01, Level.PROBLEM, "has ended on")])
def test_a_certificate_that_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: float, level: Level, text: str) -> None:
    found = check_own(installation(tmp_path, monkeypatch, days).tls("files"), "files")
    assert [one.level for one in found] == [level]
    assert text in found[0].text
    assert "`darkroom-admin create FOLDER` renews" in found[0].remedy


def test_certificates_that_were_mixed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = installation(tmp_path / "ours", monkeypatch), installation(tmp_path / "theirs", monkeypatch)
    assert "names tasks, localhost" in check_own(ours.tls("tasks"), "files")[0].text
    (ours.tls("files") / "ca.crt").write_bytes((theirs.tls("files") / "ca.crt").read_bytes())
    assert "is not signed by the authority in ca.crt" in check_own(ours.tls("files"), "files")[0].text
    (ours.tls("gateway") / "tls.key").write_bytes((ours.tls("tasks") / "tls.key").read_bytes())
    assert "is not the key of tls.crt" in check_own(ours.tls("gateway"), "gateway")[0].text
    (ours.tls("accounts") / "tls.crt").write_text("something else")
    assert "readable" in check_own(ours.tls("accounts"), "accounts")[0].text


@asynccontextmanager
async def serving(tls: MutualTls) -> AsyncIterator[str]:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=tls.listener())
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_the_certificate_of_another_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = installation(tmp_path / "ours", monkeypatch), installation(tmp_path / "theirs", monkeypatch)
    ending = installation(tmp_path / "ending", monkeypatch, 3.5)
    ended = installation(tmp_path / "ended", monkeypatch, -0.01)

    async def told(server: MutualTls, client: MutualTls, name: str) -> str:
        async with serving(server) as address:
            found = await check_tls("tasks", address, name, client, "DARKROOM_TASKS_ADDRESS")
        return " ".join(f"{one.level.value}: {one.text} -> {one.remedy}" for one in found)

    own = MutualTls(ours.tls("files"))
    assert await told(MutualTls(ours.tls("tasks")), own, "tasks") == ""
    other_name = await told(MutualTls(ours.tls("accounts")), own, "tasks")
    assert "is not accepted: Hostname mismatch, certificate is not valid for 'tasks'" in other_name
    assert "give the server a certificate with this name" in other_name
    wrong_authority = await told(MutualTls(theirs.tls("tasks")), own, "tasks")
    assert wrong_authority.startswith("problem: ")
    assert "take them from one installation folder" in wrong_authority
    assert "warning: the certificate of 127.0.0.1:" in await told(MutualTls(ending.tls("tasks")), MutualTls(ending.tls("files")), "tasks")
    has_ended = await told(MutualTls(ended.tls("tasks")), MutualTls(ended.tls("files")), "tasks")
    assert "is not accepted: certificate has expired -> renew it" in has_ended


async def test_a_listener_without_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(plainly, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        own = MutualTls(installation(tmp_path, monkeypatch).tls("files"))
        (found,) = await check_tls("tasks", address, "tasks", own, "DARKROOM_TASKS_ADDRESS")
    assert found.level is Level.PROBLEM
    assert f"TLS with {address} fails" in found.text


async def test_an_edge_that_clients_may_reach_from_elsewhere() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    (found,) = await check_edge(url, on_this_machine=False)
    assert (found.level, "from here, nothing listens at 127.0.0.1:" in found.text) == (Level.WARNING, True)
    assert "from a client's machine" in found.remedy
    (found,) = await check_edge(url, on_this_machine=True)
    assert found.level is Level.PROBLEM


async def test_an_installation_without_the_operators_certificate(tmp_path: Path) -> None:
    (found,) = await check_jetstream("tls://operator:word@127.0.0.1:1", MutualTls(tmp_path / "operator"))
    assert f"{tmp_path}/operator holds no ca.crt" in found.text


def test_the_replicas_in_a_target() -> None:
    assert listeners("ipv4:10.0.0.1:7001,10.0.0.2:7001") == ["10.0.0.1:7001", "10.0.0.2:7001"]
    assert listeners("dns:///tasks:7001") == ["tasks:7001"]
    assert listeners("unix:/run/tasks.sock") == ["unix:/run/tasks.sock"]


@pytest.mark.parametrize(
    ("pattern", "subject", "covered"),
    [
        ("A.b", "A.b", True),
        ("A.*", "A.b", True),
        ("A.*", "A.*", True),
        ("A.>", "A.b.c", True),
        ("A.>", "A.*.>", True),
        (">", "A", True),
        ("A.b", "A.*", False),
        ("A.*", "A.b.c", False),
        ("A.*", "A.>", False),
        ("A.>", "A", False),
        ("A.b.c", "A.b", False),
    ],
)
def test_what_a_pattern_of_nats_covers(pattern: str, subject: str, covered: bool) -> None:
    assert covers(pattern, subject) is covered


@pytest.mark.parametrize("service", SERVICES)
def test_rights_are_enough_exactly_when_all_are_there(service: str) -> None:
    rights = rights_of(service)
    subscribe = [*rights.subscribe, f"_INBOX.{service}.>"]
    full = {"publish": {"allow": [*rights.publish]}, "subscribe": {"allow": subscribe}}
    assert missing_rights(service, None) == []
    assert missing_rights(service, full) == []
    assert missing_rights(service, {**full, "subscribe": {"allow": subscribe[:-1] or ["other"]}}) == [f"subscribe to _INBOX.{service}.>"]
    denied = {**full, "publish": {**full["publish"], "deny": [rights.publish[0]]}}
    assert missing_rights(service, denied) == [f"publish to {rights.publish[0]}"]


@pytest.mark.parametrize(("offset", "levels"), [(1.9, []), (-2.5, [Level.WARNING]), (31, [Level.PROBLEM])])
def test_clocks(offset: float, levels: list[Level]) -> None:
    assert [one.level for one in clock("PostgreSQL", offset)] == levels
