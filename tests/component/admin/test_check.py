"""`darkroom-admin check`: a healthy stack has no problem, and each thing that is broken has a line of its own."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from sqlalchemy import make_url

from deploy.admin.checks.connecting import Unreachable
from deploy.admin.checks.findings import Level
from deploy.admin.checks.messaging import check_jetstream, connect
from deploy.admin.checks.redaction import Redaction
from deploy.installation import create
from deploy.installation.keys import create_signing_keys
from deploy.local.config import tool
from deploy.local.scratch.resources import free_port
from edge.topology import DATABASES, SERVICES
from services.platform.nats_servers import NatsServers
from tests.component.admin.conftest import Check
from tests.stacks import StackUnderTest


def test_a_healthy_stack_has_no_problem_and_no_secret_is_printed(stack: StackUnderTest, run_check: Check) -> None:
    checked = run_check("--stack", str(stack.dir), "check")
    assert checked.problems() == []
    assert checked.status == 0
    said = {(one["service"], one["subject"]) for one in checked.findings if one["level"] == "ok"}
    for service in SERVICES:
        assert {(service, subject) for subject in ("settings", "NATS", "NATS rights", "keys")} <= said
    for service in DATABASES:
        assert {(service, subject) for subject in ("PostgreSQL", "migrations")} <= said
    assert {("tasks", "streams"), ("inference", "Triton"), ("gateway", "files"), ("", "edge"), ("", "JetStream")} <= said
    secrets = json.loads((stack.dir / "secrets.json").read_text())
    for secret in (secrets["nats"], secrets["s3_secret_key"], *secrets["databases"].values(), *secrets["nats_users"].values()):
        assert secret not in checked.output


def test_a_wrong_password_of_the_database(stack: StackUnderTest, check: Check) -> None:
    wrong = make_url(stack.database_url("tasks")).set(password="not-the-right-one").render_as_string(hide_password=False)
    checked = check("tasks", {"DATABASE_URL": wrong})
    told = checked.only_problem("PostgreSQL")
    assert "rejects the password of the role tasks" in told
    assert "DARKROOM_DATABASE_URL" in told
    assert checked.status == 1
    assert "not-the-right-one" not in checked.output


def test_a_database_that_is_not_there(stack: StackUnderTest, check: Check) -> None:
    wrong = make_url(stack.database_url("tasks")).set(database="missing").render_as_string(hide_password=False)
    assert "has no database missing -> create it (CREATE DATABASE … OWNER tasks)" in check("tasks", {"DATABASE_URL": wrong}).only_problem(
        "PostgreSQL"
    )


def test_hosts_that_cannot_be_reached(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, port = socket.getaddrinfo, free_port()

    def resolved(host: Any, *arguments: Any, **named: Any) -> Any:
        # At once, wherever the tests run.
        if host in ("no.such.host.invalid", b"no.such.host.invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    refused = check("files", {"DATABASE_URL": f"postgresql+asyncpg://files:secret-word@127.0.0.1:{port}/files"})
    assert f"nothing listens at 127.0.0.1:{port} -> start it, or correct DARKROOM_DATABASE_URL" in refused.only_problem("PostgreSQL")
    unknown = check("files", {"DATABASE_URL": "postgresql+asyncpg://files:secret-word@no.such.host.invalid/files"})
    assert "no.such.host.invalid does not resolve" in unknown.only_problem("PostgreSQL")
    assert "secret-word" not in refused.output + unknown.output


def test_one_of_several_hosts_of_the_database_is_away(stack: StackUnderTest, check: Check) -> None:
    url = make_url(stack.database_url("files"))
    folder, port = url.query["host"], free_port()
    several = f"postgresql+asyncpg://files:{url.password}@/files?host={folder},127.0.0.1&port=5432,{port}"
    checked = check("files", {"DATABASE_URL": several})
    assert checked.problems() == []
    assert any(one["text"] == f"nothing listens at 127.0.0.1:{port}" for one in checked.findings if one["level"] == "warning")


def test_an_empty_database_has_migrations_to_run(check: Check, database: str) -> None:
    checked = check("files", {"DATABASE_URL": database})
    told = next(one for one in checked.findings if one["subject"] == "migrations")
    assert (told["level"], told["remedy"]) == ("warning", "`darkroom-admin migrate files`")
    assert "to run, from 0001 on" in told["text"]
    assert checked.status == 0


def test_a_database_with_something_else_in_it(stack: StackUnderTest, check: Check, database: str) -> None:
    url = make_url(database)
    stack.fetch(url.database or "", "CREATE TABLE of_somebody_else (id int)")
    told = check("files", {"DATABASE_URL": database}).only_problem("PostgreSQL")
    assert "tables of another application: of_somebody_else" in told


def test_a_database_in_which_the_role_only_reads(stack: StackUnderTest, check: Check, database: str) -> None:
    url = make_url(database)
    stack.fetch(url.database or "", f'ALTER ROLE "{url.username}" SET default_transaction_read_only = on')
    assert "can only read there" in check("files", {"DATABASE_URL": database}).only_problem("PostgreSQL")


def test_a_pooler_that_is_not_there(check: Check) -> None:
    checked = check("files", {"DATABASE_POOLER": "transaction"})
    assert any("no pooler is in between" in one["text"] for one in checked.findings if one["level"] == "warning")


@pytest.mark.thorough
def test_two_services_with_one_database_and_more_connections_than_there_are(
    stack: StackUnderTest, run_check: Check, tmp_path: Path
) -> None:
    folder = tmp_path / "installation"
    create(
        folder,
        public_url=stack.url,
        database_url={service: stack.database_url("files") for service in DATABASES},
        settings={"DARKROOM_DATABASE_POOL": "100", "DARKROOM_QUOTA_BYTE": "5", "DARKROOM_NATS_URL": "nats://a:b@127.0.0.1:1"},
    )
    checked = run_check("--installation", str(folder), "check")
    texts = [one["text"] for one in checked.findings]
    assert "files and accounts have the same database, files" in texts
    assert any("may open 300 connections" in text for text in texts)
    misspelt = next(one for one in checked.findings if "DARKROOM_QUOTA_BYTE " in one["text"])
    assert (misspelt["level"], misspelt["remedy"]) == ("warning", "is DARKROOM_QUOTA_BYTES meant?")
    # Names of a network that is not this one.
    assert not [one for one in checked.problems() if one["subject"] in ("settings", "keys", "certificate")]
    assert checked.status == 1


def test_a_wrong_password_of_nats(stack: StackUnderTest, check: Check) -> None:
    url = stack.settings("tasks")["DARKROOM_NATS_URL"]
    checked = check("tasks", {"NATS_URL": url.replace(url.split(":")[2].split("@")[0], "not-the-right-one")})
    assert "refuses the user tasks, or its password -> correct DARKROOM_NATS_URL" in checked.only_problem("NATS")
    assert "not-the-right-one" not in checked.output


def test_the_user_of_another_service_lacks_rights(stack: StackUnderTest, check: Check) -> None:
    told = check("tasks", {"NATS_URL": stack.settings("gateway")["DARKROOM_NATS_URL"]}).problems()
    assert "the user must not publish to $JS.API.STREAM" in told[0]["text"]
    assert "users.conf" in told[0]["remedy"]


@contextmanager
def nats_server(folder: Path, configuration: str) -> Iterator[str]:
    port = free_port()
    (folder / "nats.conf").write_text(f'listen: "127.0.0.1:{port}"\n{configuration}')
    with subprocess.Popen([tool("nats-server"), "-c", str(folder / "nats.conf")], stderr=subprocess.DEVNULL) as server:
        try:
            while True:
                try:
                    asyncio.run(_opened(port))
                    break
                except OSError:
                    assert server.poll() is None
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()


async def _opened(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


def test_nats_without_jetstream_and_with_too_few_servers(check: Check, tmp_path: Path) -> None:
    with nats_server(tmp_path, "") as address:
        told = check("files", {"NATS_URL": f"nats://{address}"}).only_problem("NATS")
    assert f"{address} has no JetStream -> add `jetstream" in told
    with nats_server(tmp_path, f'jetstream {{ store_dir: "{tmp_path}/store" }}') as address:
        told = check("tasks", {"NATS_URL": f"nats://{address}", "NATS_REPLICAS": "3"}).only_problem("streams")
    assert "3 copies of each are wanted, and the cluster has 1 server -> list all servers in DARKROOM_NATS_URL" in told
    assert "DARKROOM_NATS_REPLICAS" in told


def test_one_of_several_servers_of_nats_is_away(stack: StackUnderTest, check: Check) -> None:
    url = stack.settings("files")["DARKROOM_NATS_URL"]
    checked = check("files", {"NATS_URL": f"{url},nats://127.0.0.1:{free_port()}"})
    assert checked.problems() == []
    warnings = [one["text"] for one in checked.findings if one["level"] == "warning" and one["subject"] == "NATS"]
    assert [text.split(" at ")[0] for text in warnings] == ["nothing listens"]


def test_the_operator_asks_a_server_that_answers(tmp_path: Path) -> None:
    with nats_server(tmp_path, f'jetstream {{ store_dir: "{tmp_path}/store" }}') as address:
        (found,) = asyncio.run(check_jetstream(f"nats://127.0.0.1:{free_port()},nats://{address}", None))
    assert found.level is Level.OK
    (found,) = asyncio.run(check_jetstream("nats://127.0.0.1:none", None))
    assert "no valid port" in found.text


@pytest.mark.parametrize(("lost", "answers"), [(2, True), (3, False)])
def test_nats_is_asked_again_if_it_has_not_waited_for_a_busy_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: int, *, answers: bool
) -> None:
    log_in, turns = Client._process_connect_init, itertools.count()

    async def too_late_at_first(client: Client) -> None:
        if next(turns) < lost:
            raise ConnectionResetError("Connection lost")
        await log_in(client)

    async def ask(address: str) -> None:
        with nullcontext() if answers else pytest.raises(Unreachable, match="cannot be reached: Connection lost"):
            async with connect(NatsServers.parse(f"nats://{address}"), "files") as client:
                assert client.is_connected

    monkeypatch.setattr(Client, "_process_connect_init", too_late_at_first)
    with nats_server(tmp_path, "") as address:
        asyncio.run(ask(address))


def test_certificates_of_nats(check: Check, tmp_path: Path) -> None:
    ours = create(tmp_path / "ours", public_url="http://localhost", nats_url="tls://{service}:{password}@nats:4222")
    theirs = create(tmp_path / "theirs", public_url="http://localhost")
    tls = "tls {{ ca_file: '{0}/ca.crt', cert_file: '{0}/tls.crt', key_file: '{0}/tls.key', verify: true }}"
    jetstream = f'\njetstream {{ store_dir: "{tmp_path}/store" }}\n'
    own = {"INTERNAL_TLS_DIR": str(ours.tls("files")), "NATS_URL": ""}

    def told(folder: Path, scheme: str = "tls", host: str = "127.0.0.1") -> str:
        with nats_server(tmp_path, tls.format(folder) + jetstream) as address:
            url = f"{scheme}://{address.replace('127.0.0.1', host)}"
            found = [one for one in check("files", {**own, "NATS_URL": url}).problems() if one["subject"] == "NATS"]
        return " ".join(f"{one['text']} -> {one['remedy']}" for one in found)

    assert told(ours.tls("nats")) == ""
    assert "asks for TLS -> tls:// in place of nats:// in DARKROOM_NATS_URL" in told(ours.tls("nats"), scheme="nats")
    wrong_authority = told(theirs.tls("nats"))
    assert "is not accepted: unable to get local issuer certificate" in wrong_authority
    assert "DARKROOM_NATS_CA_FILE" in wrong_authority


def test_a_bucket_that_is_not_there_and_a_wrong_key(check: Check) -> None:
    missing = check("files", {"S3_BUCKET": "no-such-bucket"}).only_problem("storage")
    assert "the bucket no-such-bucket at " in missing
    assert "DARKROOM_S3_BUCKET" in missing
    wrong = check("files", {"S3_BUCKET": None, "S3_SECRET_KEY": "not-the-right-one"})
    assert "DARKROOM_S3_SECRET_KEY" in wrong.only_problem("storage")
    assert "not-the-right-one" not in wrong.output


def test_triton_without_a_model_that_a_setting_names(check: Check) -> None:
    checked = check("inference", {"MODEL_CUTOUT": "no_such_model"})
    assert checked.only_problem("Triton").startswith("the model no_such_model is not there, which DARKROOM_MODEL_CUTOUT names -> ")


def test_triton_is_away(check: Check) -> None:
    port = free_port()
    told = check("inference", {"TRITON_ADDRESS": f"127.0.0.1:{port}"}).only_problem("Triton")
    assert told == f"nothing listens at 127.0.0.1:{port} -> start it, or correct DARKROOM_TRITON_ADDRESS"


def test_a_service_that_is_away(check: Check) -> None:
    port = free_port()
    told = check("files", {"TASKS_ADDRESS": f"127.0.0.1:{port}"}).only_problem("tasks")
    assert told == f"nothing listens at 127.0.0.1:{port} -> start it, or correct DARKROOM_TASKS_ADDRESS"


def test_a_key_that_others_do_not_trust(check: Check, tmp_path: Path) -> None:
    create_signing_keys({"files": tmp_path / "files.pem"}, tmp_path / "trusted.json")
    told = check("files", {"SIGNING_KEY_FILE": str(tmp_path / "files.pem")}).only_problem("keys")
    assert "is not the key of files in" in told
    assert "DARKROOM_SIGNING_KEY_FILE" in told
    alone = check("files", {"SIGNING_KEY_FILE": str(tmp_path / "files.pem"), "TRUSTED_KEYS_FILE": str(tmp_path / "trusted.json")})
    assert "has no key of accounts, tasks, gateway, inference" in alone.only_problem("keys")


def test_a_key_that_others_can_read(check: Check, tmp_path: Path, stack: StackUnderTest) -> None:
    copied = tmp_path / "files.pem"
    copied.write_text(Path(stack.settings("files")["DARKROOM_SIGNING_KEY_FILE"]).read_text())
    copied.chmod(0o644)
    checked = check("files", {"SIGNING_KEY_FILE": str(copied)})
    found = [one for one in checked.findings if one["subject"] == "file modes"]
    assert [(one["level"], one["remedy"]) for one in found] == [("warning", f"chmod 600 {copied}")]
    assert checked.status == 0


def test_all_errors_of_the_settings_are_told_at_once(check: Check) -> None:
    checked = check("tasks", {"TRUSTED_KEYS_FILE": None, "MAX_ATTEMPTS": "many", "DATABASE_POOL": "0", "NATS_URL": "http://a:b@c"})
    assert checked.status == 2
    texts = sorted(one["text"] for one in checked.problems())
    assert [text.split()[0].rstrip(":") for text in texts] == [
        "DARKROOM_DATABASE_POOL",
        "DARKROOM_MAX_ATTEMPTS",
        "DARKROOM_NATS_URL",
        "DARKROOM_TRUSTED_KEYS_FILE",
    ]
    assert all(one["service"] == "tasks" and one["remedy"] for one in checked.problems())


def test_an_environment_is_of_one_service(run_check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_check("check").status == 2
    assert run_check("check", "file").status == 2


def test_passwords_are_taken_out_of_any_text() -> None:
    redacted = Redaction(
        [{"DARKROOM_DATABASE_URL": "postgresql+asyncpg://u:p%40ssword-1@h/d", "DARKROOM_FAL_API_KEY": "key-of-a-provider"}]
    )
    assert redacted("u:p%40ssword-1@h and p@ssword-1 and key-of-a-provider") == "u:***@h and *** and ***"
    assert redacted("of nats://user:pw@host:1, and https://host/path") == "of nats://user:***@host:1, and https://host/path"
