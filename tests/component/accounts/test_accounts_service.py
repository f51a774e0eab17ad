"""The running service: its listeners, two replicas, with and without NATS."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import grpc
import httpx
import pytest

from darkroom.accounts.v1 import accounts_service_pb2, accounts_service_pb2_grpc
from darkroom.common.v1 import scope_pb2
from services.accounts import __main__ as service
from services.accounts import cli
from services.accounts.config import AccountsSettings
from services.platform.errors import ErrorReason, from_rpc
from services.platform.identity import ADDRESS_HEADER, IDENTITY_HEADER, Signer, Verifier
from tests.harness.channels import EAGER
from tests.unit.platform.keys import Keys


class Running:
    """A replica, and a client of its listeners for clients and for the edge."""

    def __init__(self, settings: AccountsSettings, public: grpc.aio.Channel, edge: httpx.AsyncClient) -> None:
        self.settings = settings
        self.native = accounts_service_pb2_grpc.AccountsServiceStub(public)
        self.edge = edge

    async def admitted(self, key: str) -> str | None:
        """The identity token that a key gets."""
        reply = await self.check(key)
        return reply.headers[IDENTITY_HEADER] if reply.status_code == httpx.codes.OK else None

    async def check(self, key: str, address: str = "192.0.2.1") -> httpx.Response:
        """The answer about a request with a key from an address."""
        return await self.edge.get("/check/v1/tasks/1/status", headers={"x-api-key": key, ADDRESS_HEADER: address})

    async def refused(self, key: str) -> None:
        """Wait until the key gets nothing: for less than the 20 seconds for which an identity is remembered."""
        async with asyncio.timeout(15):
            while await self.admitted(key):
                await asyncio.sleep(0.05)


class Replicas:
    """Starts replicas on one database."""

    def __init__(self, folder: Path, database: str, nats_url: str) -> None:
        keys = Keys(folder)
        self.signer: Signer = keys.signer("accounts")
        self.verifier: Verifier = keys.verifier()
        self._folder, self._database, self._nats_url = folder, database, nats_url

    @asynccontextmanager
    async def start(self, name: str) -> AsyncIterator[Running]:
        settings = AccountsSettings(
            listen=f"unix:{self._folder}/{name}.sock",
            internal_listen=f"unix:{self._folder}/{name}-internal.sock",
            authorization_listen=f"unix:{self._folder}/{name}-authorization.sock",
            nats_url=self._nats_url,
            files_address=f"unix:{self._folder}/files.sock",
            tasks_address=f"unix:{self._folder}/tasks.sock",
            database_url=self._database,
            signing_key_file=self._folder / "accounts.pem",
            trusted_keys_file=self._folder / "trusted.json",
            drain_notice=0,
        )
        stop = asyncio.Event()
        serving = asyncio.create_task(service.serve(settings, stop))
        transport = httpx.AsyncHTTPTransport(uds=settings.authorization_listen.removeprefix("unix:"))
        async with (
            grpc.aio.insecure_channel(settings.listen, EAGER) as public,
            httpx.AsyncClient(base_url="http://accounts", transport=transport, timeout=60) as edge,
        ):
            try:
                # The last of its listeners.
                await asyncio.wait_for(public.channel_ready(), 60)
                yield Running(settings, public, edge)
            finally:
                stop.set()
                await serving


@pytest.fixture
def replicas(tmp_path: Path, migrated: str, nats_url: str) -> Replicas:
    return Replicas(tmp_path, migrated, nats_url)


@pytest.fixture
def admin(migrated: str, nats_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Admin]:
    monkeypatch.setenv("DARKROOM_DATABASE_URL", migrated)
    monkeypatch.setenv("DARKROOM_NATS_URL", nats_url)
    yield Admin(capsys)


class Admin:
    """The administration commands."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def __call__(self, *arguments: str, status: int = 0) -> tuple[object, str]:
        """What a command printed, read as JSON, and what it complained about."""
        self._capsys.readouterr()
        assert await asyncio.to_thread(cli.main, arguments) == status
        printed = self._capsys.readouterr()
        return json.loads(printed.out.splitlines()[-1]) if status == 0 else None, printed.err

    async def new_key(self) -> tuple[str, str, str]:
        """A new account's id, and its key's id and text."""
        account, _ = await self("create-account", "--name", "Studio")
        key, _ = await self("create-key", "--account", account["id"], "--name", "laptop")
        return account["id"], key["id"], key["key"]


async def test_a_key_becomes_an_identity_that_services_verify(replicas: Replicas, admin: Admin) -> None:
    account_id, key_id, key = await admin.new_key()
    async with replicas.start("a") as running:
        token = await running.admitted(key)
        assert token
        identity = replicas.verifier.identity(token)
        assert (str(identity.account_id), str(identity.key_id)) == (account_id, key_id)
        assert await running.admitted(key) == token
        assert await running.admitted("dk_sk_" + "0" * 43) is None


async def test_revoked_through_one_replica_refused_by_the_other(replicas: Replicas, admin: Admin) -> None:
    account_id, key_id, key = await admin.new_key()
    async with replicas.start("a") as first, replicas.start("b") as second:
        assert await first.admitted(key)
        assert await second.admitted(key)
        metadata = ((IDENTITY_HEADER, replicas.signer.identity_token(int(account_id), int(key_id))),)
        request = accounts_service_pb2.RevokeApiKeyRequest(api_key_id=int(key_id))
        reply = await first.native.RevokeApiKey(request, metadata=metadata)
        assert reply.api_key.HasField("revoke_time")
        assert await first.admitted(key) is None
        await second.refused(key)


@pytest.mark.thorough
async def test_revoked_by_command_while_the_bus_is_unreachable(replicas: Replicas, admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    _, key_id, key = await admin.new_key()
    async with replicas.start("a") as running:
        assert await running.admitted(key)
        monkeypatch.setenv("DARKROOM_NATS_URL", "nats://127.0.0.1:1")
        row, complaint = await admin("revoke-key", "--key", key_id)
        assert row["revoked_at"]
        assert "within 5 seconds" in complaint
        await running.refused(key)


async def test_the_native_api(replicas: Replicas, admin: Admin) -> None:
    account_id, key_id, _ = await admin.new_key()
    _, other_key, _ = await admin.new_key()
    async with replicas.start("a") as running:
        metadata = ((IDENTITY_HEADER, replicas.signer.identity_token(int(account_id), int(key_id))),)
        account = (await running.native.GetAccount(accounts_service_pb2.GetAccountRequest(), metadata=metadata)).account
        assert (str(account.id), account.name) == (account_id, "Studio")
        assert account.create_time.seconds > 1_700_000_000
        created = await running.native.CreateApiKey(accounts_service_pb2.CreateApiKeyRequest(name="server"), metadata=metadata)
        assert created.secret.startswith(created.api_key.prefix)
        assert await running.admitted(created.secret)
        listed = await running.native.ListApiKeys(accounts_service_pb2.ListApiKeysRequest(), metadata=metadata)
        assert [key.id for key in listed.api_keys] == [created.api_key.id, int(key_id)]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running.native.RevokeApiKey(accounts_service_pb2.RevokeApiKeyRequest(api_key_id=int(other_key)), metadata=metadata)
        assert from_rpc(caught.value).reason is ErrorReason.API_KEY_NOT_FOUND
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running.native.GetAccount(accounts_service_pb2.GetAccountRequest())
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.cases(1)
@pytest.mark.parametrize("ahead", [-90, -6, 6, 90])
async def test_a_clock_that_differs_is_never_an_invalid_key(
    replicas: Replicas, admin: Admin, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    _, _, key = await admin.new_key()
    monkeypatch.setattr(service, "Signer", partial(Signer, clock=lambda: time.time() + ahead))
    async with replicas.start("a") as running:
        call = running.native.GetAccount(
            accounts_service_pb2.GetAccountRequest(), metadata=((IDENTITY_HEADER, await running.admitted(key) or ""),)
        )
        if ahead == -90:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert from_rpc(caught.value).reason is ErrorReason.UNAVAILABLE
        else:
            assert (await call).account.name == "Studio"


async def test_a_limited_key(replicas: Replicas, admin: Admin) -> None:
    account_id, _, _ = await admin.new_key()
    made, _ = await admin("create-key", "--account", account_id, "--name", "ci", "--scope", "keys:write", "--scope", "keys:read")
    async with replicas.start("a") as running:
        token = await running.admitted(made["key"])
        metadata = ((IDENTITY_HEADER, token),)
        request = accounts_service_pb2.CreateApiKeyRequest(name="reader", scopes=[scope_pb2.SCOPE_KEYS_READ])
        request.expire_time.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
        reader = await running.native.CreateApiKey(request, metadata=metadata)
        assert list(reader.api_key.scopes) == [scope_pb2.SCOPE_KEYS_READ]
        assert reader.api_key.expire_time == request.expire_time
        metadata = ((IDENTITY_HEADER, await running.admitted(reader.secret)),)
        await running.native.GetAccount(accounts_service_pb2.GetAccountRequest(), metadata=metadata)
        listed = await running.native.ListApiKeys(accounts_service_pb2.ListApiKeysRequest(), metadata=metadata)
        assert [list(key.scopes) for key in listed.api_keys[:2]] == [
            [scope_pb2.SCOPE_KEYS_READ],
            [scope_pb2.SCOPE_KEYS_READ, scope_pb2.SCOPE_KEYS_WRITE],
        ]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await running.native.CreateApiKey(accounts_service_pb2.CreateApiKeyRequest(name="more"), metadata=metadata)
        assert from_rpc(caught.value).reason is ErrorReason.PERMISSION_DENIED


async def test_commands(admin: Admin) -> None:
    account_id, key_id, key = await admin.new_key()
    listed, _ = await admin("list")
    assert [(account["id"], [row["id"] for row in account["keys"]]) for account in listed] == [(account_id, [key_id])]  # type: ignore[attr-defined]
    assert key not in json.dumps(listed)
    made, _ = await admin("create-account", "--name", "Shop", "--key", "counter")
    listed, _ = await admin("list")
    assert [row["name"] for row in next(account for account in listed if account["id"] == made["id"])["keys"]] == ["counter"]  # type: ignore[attr-defined]
    assert made["key"].startswith(key[:3])
    for arguments in (("revoke-key", "--key", "1"), ("create-key", "--account", "1", "--name", "x"), ("create-account", "--name", " ")):
        _, complaint = await admin(*arguments, status=1)
        assert complaint.strip()
        assert "Traceback" not in complaint


async def test_the_limit_of_an_account_holds_over_both_replicas_and_is_the_operator_s_to_set(replicas: Replicas, admin: Admin) -> None:
    account_id, _, key = await admin.new_key()
    limits, _ = await admin("limits", "--account", account_id)
    assert limits == {
        "account_id": account_id,
        "request_rate": 1000,
        "key_request_rate": 500,
        "max_keys": 100,
        "max_streams": 500,
        "own": [],
    }
    limits, _ = await admin("limits", "--account", account_id, "--request-rate", "0.2", "--key-request-rate", "0", "--max-keys", "7")
    assert limits["own"] == ["request_rate", "key_request_rate", "max_keys"]
    async with replicas.start("a") as first, replicas.start("b") as second:
        replies = [await replica.check(key) for _ in range(5) for replica in (first, second)]
        assert sorted(reply.status_code for reply in replies) == [200] * 2 + [429] * 8
        # A change takes effect when the key is looked up again.
        await admin("limits", "--account", account_id, "--request-rate", "default")
        async with asyncio.timeout(15):
            while await first.admitted(key) is None:
                await asyncio.sleep(0.1)
    limits, _ = await admin("limits", "--account", account_id)
    assert (limits["request_rate"], limits["own"]) == (1000, ["key_request_rate", "max_keys"])


@pytest.mark.thorough
async def test_an_account_s_own_limit_of_streams_reaches_the_services(replicas: Replicas, admin: Admin) -> None:
    account_id, _, key = await admin.new_key()
    async with replicas.start("a") as running:

        async def told(own: int | None) -> None:
            async with asyncio.timeout(15):
                while replicas.verifier.identity(await running.admitted(key) or "").max_streams != own:
                    await asyncio.sleep(0.05)

        await told(None)
        limits, _ = await admin("limits", "--account", account_id, "--max-streams", "3")
        assert (limits["max_streams"], limits["own"]) == (3, ["max_streams"])
        await told(3)


async def test_unknown_keys_from_an_address_are_limited_by_default(replicas: Replicas, admin: Admin) -> None:
    _, _, key = await admin.new_key()
    async with replicas.start("a") as first, replicas.start("b") as second:
        assert await first.admitted(key)
        statuses = [(await replica.check(f"dk_sk_{number:043}")).status_code for number in range(15) for replica in (first, second)]
        assert sorted(statuses) == [401] * 20 + [429] * 10
        assert (await first.check("dk_sk_" + "x" * 43, "2001:db8::1")).status_code == 401
        assert await first.admitted(key)


async def test_wrong_limits_are_told(admin: Admin) -> None:
    account_id, _, _ = await admin.new_key()
    for option, value in (
        ("--request-rate", "-1"),
        ("--key-request-rate", "nan"),
        ("--max-keys", "1.5"),
        ("--max-keys", "many"),
        ("--max-streams", "-1"),
    ):
        with pytest.raises(SystemExit):
            await admin("limits", "--account", account_id, option, value)
    _, complaint = await admin("limits", "--account", "1", status=1)
    assert complaint.strip().endswith("There is no account 1.")


async def test_an_account_has_as_many_keys_as_its_limit_however_they_are_made(replicas: Replicas, admin: Admin) -> None:
    account_id, key_id, _ = await admin.new_key()
    await admin("limits", "--account", account_id, "--max-keys", "10")
    metadata = ((IDENTITY_HEADER, replicas.signer.identity_token(int(account_id), int(key_id))),)
    async with replicas.start("a") as first, replicas.start("b") as second:
        calls = [
            replica.native.CreateApiKey(accounts_service_pb2.CreateApiKeyRequest(name=f"key {number}"), metadata=metadata)
            for number in range(12)
            for replica in (first, second)
        ]
        results = await asyncio.gather(*calls, return_exceptions=True)
        refused = [from_rpc(result) for result in results if isinstance(result, grpc.aio.AioRpcError)]
        assert len(refused) == 24 - 9
        assert {error.reason for error in refused} == {ErrorReason.TOO_MANY_API_KEYS}
        assert refused[0].message == "The account has reached its limit of 10 API keys. Revoke one first."
        made = next(result.api_key for result in results if not isinstance(result, BaseException))
        await first.native.RevokeApiKey(accounts_service_pb2.RevokeApiKeyRequest(api_key_id=made.id), metadata=metadata)
        await first.native.CreateApiKey(accounts_service_pb2.CreateApiKeyRequest(name="in its place"), metadata=metadata)
