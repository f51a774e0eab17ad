"""People at the running service: over gRPC, at the edge, through two replicas, and from the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from darkroom.accounts.v1 import (
    sessions_service_pb2,
    sessions_service_pb2_grpc,
    user_keys_service_pb2,
    user_keys_service_pb2_grpc,
    users_service_pb2,
    users_service_pb2_grpc,
)
from darkroom.rest.v1 import sessions_pb2 as rest
from darkroom.rest.v1 import sessions_pb2_grpc as rest_grpc
from services.accounts import cli
from services.platform.errors import ErrorReason, from_rpc
from services.platform.identity import ADDRESS_HEADER, IDENTITY_HEADER
from tests.component.accounts.test_accounts_service import Admin, Replicas, Running
from tests.harness.channels import EAGER

PASSWORD = "Sesame-0pen"
PATH = "/check/api/v1/tools/resize"


@pytest.fixture
def replicas(tmp_path: Path, migrated: str, nats_url: str, monkeypatch: pytest.MonkeyPatch) -> Replicas:
    monkeypatch.setenv("DARKROOM_DEFAULT_PASSWORD", "admin")
    monkeypatch.setenv("DARKROOM_MAX_USERS", "3")
    return Replicas(tmp_path, migrated, nats_url)


@pytest.fixture
def admin(migrated: str, nats_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Admin]:
    monkeypatch.setenv("DARKROOM_DATABASE_URL", migrated)
    monkeypatch.setenv("DARKROOM_NATS_URL", nats_url)
    yield Admin(capsys)


class People:
    """A replica's services for people."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.sessions = sessions_service_pb2_grpc.SessionsServiceStub(channel)
        self.users = users_service_pb2_grpc.UsersServiceStub(channel)
        self.keys = user_keys_service_pb2_grpc.UserKeysServiceStub(channel)
        self.rest = rest_grpc.SessionsServiceStub(channel)

    async def sign_in(self, name: str, password: str) -> sessions_service_pb2.CreateSessionResponse:
        """A new session."""
        metadata = ((ADDRESS_HEADER, "203.0.113.7"), ("user-agent", "browser"))
        return await self.sessions.CreateSession(
            sessions_service_pb2.CreateSessionRequest(user_name=name, password=password), metadata=metadata
        )

    async def changed(self, running: Running, session: sessions_service_pb2.CreateSessionResponse, old: str) -> None:
        """Give the person a password of the own."""
        request = sessions_service_pb2.ChangePasswordRequest(current_password=old, new_password=PASSWORD)
        await self.sessions.ChangePassword(request, metadata=await identity(running, session.token))


@asynccontextmanager
async def people(running: Running) -> AsyncIterator[People]:
    async with grpc.aio.insecure_channel(running.settings.listen, EAGER) as channel:
        yield People(channel)


async def check(running: Running, token: str, path: str = PATH) -> tuple[int, str]:
    """The edge's answer, and the identity that it gives."""
    reply = await running.edge.get(path, headers={"authorization": f"Bearer {token}", ADDRESS_HEADER: "203.0.113.7"} if token else {})
    return reply.status_code, reply.headers.get(IDENTITY_HEADER, "")


async def identity(running: Running, token: str) -> tuple[tuple[str, str]]:
    """The metadata of calls with a token."""
    status, found = await check(running, token)
    assert status == 200
    return ((IDENTITY_HEADER, found),)


async def refusal(call: Awaitable[object]) -> tuple[ErrorReason, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    error = from_rpc(refused.value)
    return error.reason, error.message


async def test_from_the_first_sign_in_to_the_last_sign_out(replicas: Replicas, admin: Admin) -> None:
    account_id, _, _ = await admin.new_key()
    async with replicas.start("a") as first, replicas.start("b") as second, people(first) as at_first, people(second) as at_second:
        session = await at_first.sign_in("admin", "admin")
        assert (session.user.name, session.user.must_change_password, session.user.team) == ("admin", True, "Default")
        metadata = await identity(second, session.token)
        found = replicas.verifier.identity(metadata[0][1])
        assert found.user is not None
        assert (str(found.account_id), found.user.id, found.user.must_change, found.scopes) == (
            account_id,
            session.user.id,
            True,
            frozenset(),
        )
        assert (await refusal(at_second.users.ListUsers(users_service_pb2.ListUsersRequest(), metadata=metadata)))[
            0
        ] is ErrorReason.PASSWORD_CHANGE_REQUIRED
        await at_first.changed(first, session, "admin")
        # The other replica hears of it.
        async with asyncio.timeout(15):
            while replicas.verifier.identity((await identity(second, session.token))[0][1]).scopes is not None:
                await asyncio.sleep(0.05)
        metadata = await identity(second, session.token)
        created = await at_second.users.CreateUser(
            users_service_pb2.CreateUserRequest(user_name="ada", password=PASSWORD, role="editor"), metadata=metadata
        )
        assert (created.user.role, created.user.must_change_password) == ("editor", True)
        listed = await at_first.users.ListUsers(users_service_pb2.ListUsersRequest(), metadata=metadata)
        assert ([user.name for user in listed.users], listed.max_users) == (["admin", "ada"], 3)
        key = await at_first.keys.CreateUserKey(user_keys_service_pb2.CreateUserKeyRequest(), metadata=metadata)
        assert replicas.verifier.identity((await identity(second, key.secret))[0][1]).key_name == "Default API Key"
        [used] = (await at_second.keys.ListUserKeys(user_keys_service_pb2.ListUserKeysRequest(), metadata=metadata)).user_keys
        assert used.HasField("last_use_time")
        await at_first.keys.DeleteUserKey(user_keys_service_pb2.DeleteUserKeyRequest(user_key_id=used.id), metadata=metadata)
        await at_first.sessions.DeleteSession(sessions_service_pb2.DeleteSessionRequest(token=session.token))
        async with asyncio.timeout(15):
            for gone in (session.token, key.secret):
                assert (await check(first, gone))[0] == 401
                while (await check(second, gone))[0] != 401:
                    await asyncio.sleep(0.05)
        ended = at_second.sessions.GetSession(sessions_service_pb2.GetSessionRequest(token=session.token))
        assert await refusal(ended) == (ErrorReason.SESSION_INVALID, "Session expired or invalid")
        assert await check(second, session.token, "/check/api/v1/health") == (200, "")
        assert await check(second, "") == (401, "")


async def test_odd_texts_never_fail_inside(replicas: Replicas, admin: Admin) -> None:
    await admin.new_key()
    async with replicas.start("a") as running, people(running) as calls:
        session = await calls.sign_in("admin", "admin")
        await calls.changed(running, session, "admin")
        metadata = await identity(running, session.token)
        user, key = users_service_pb2, user_keys_service_pb2
        for odd in ("a\0b", "x" * 10_000, "\N{PILE OF POO}" * 5_000, "'; DROP TABLE person; --", "\u202e"):
            many = [f"{number}{odd}" for number in range(100)]
            made = [
                calls.sign_in(odd, odd),
                calls.sessions.GetSession(sessions_service_pb2.GetSessionRequest(token=odd)),
                calls.users.CreateUser(user.CreateUserRequest(user_name=odd, password=PASSWORD), metadata=metadata),
                calls.users.CreateUser(user.CreateUserRequest(user_name="ada", password=PASSWORD, team=odd), metadata=metadata),
                calls.users.UpdateUser(user.UpdateUserRequest(user_id=odd, role=odd), metadata=metadata),
                calls.users.UpdateUser(user.UpdateUserRequest(user_id=session.user.id, role=odd, team=odd), metadata=metadata),
                calls.users.ResetPassword(user.ResetPasswordRequest(user_id=odd, new_password=PASSWORD), metadata=metadata),
                calls.users.DeleteUser(user.DeleteUserRequest(user_id=odd), metadata=metadata),
                calls.keys.CreateUserKey(key.CreateUserKeyRequest(permissions=many), metadata=metadata),
                calls.keys.DeleteUserKey(key.DeleteUserKeyRequest(user_key_id=odd), metadata=metadata),
            ]
            reasons = [(await refusal(call))[0] for call in made]
            assert not {ErrorReason.INTERNAL, ErrorReason.UNAVAILABLE} & set(reasons), odd
        assert await refusal(calls.sign_in("a\0b", "\0")) == (ErrorReason.CREDENTIALS_INVALID, "Invalid credentials")
        role = calls.users.CreateUser(user.CreateUserRequest(user_name="ada", password=PASSWORD, role="a\0b"), metadata=metadata)
        assert (await role).user.role == "user"


async def test_an_operator_helps_somebody_who_is_locked_out(replicas: Replicas, admin: Admin) -> None:
    assert await admin("users") == ([], "")
    account_id, _, _ = await admin.new_key()
    async with replicas.start("a") as running, people(running) as calls:
        session = await calls.sign_in("admin", "admin")
        assert (await check(running, session.token))[0] == 200
        found, _ = await admin("users")
        listed = found[0]
        assert (listed["id"], listed["account_id"], listed["name"], listed["role"]) == (session.user.id, account_id, "admin", "admin")
        reset, _ = await admin("reset-password", "admin")
        async with asyncio.timeout(15):
            while (await check(running, session.token))[0] != 401:
                await asyncio.sleep(0.05)
        assert (await calls.sign_in("admin", reset["password"])).user.must_change_password
        _, complaint = await admin("reset-password", "nobody", status=1)
        assert complaint.strip().endswith("User not found")


async def test_a_link_of_the_operators_signs_in_once(replicas: Replicas, admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_PUBLIC_URL", "https://photos.example.com")
    assert "There is no account yet" in (await admin("create-sign-in-link", status=1))[1]
    account_id, _, _ = await admin.new_key()
    made, complaint = await admin("create-sign-in-link")
    beginning, _, token = made["url"].rpartition("/")
    assert (beginning, made["user"], complaint) == ("https://photos.example.com/#/sign-in", None, "")
    async with replicas.start("a") as first, replicas.start("b") as second, people(first) as at_first, people(second) as at_second:
        asked = rest.CreateSessionRequest(sign_in_token=token)
        results = await asyncio.gather(*(at.rest.CreateSession(asked) for at in (at_first, at_second) * 3), return_exceptions=True)
        [session] = [result.data for result in results if not isinstance(result, BaseException)]
        refused = [from_rpc(result).reason for result in results if isinstance(result, grpc.aio.AioRpcError)]
        assert refused == [ErrorReason.CREDENTIALS_INVALID] * 5
        assert (session.me.account_id, session.me.kind, session.me.user.name, session.me.all_scopes) == (
            account_id,
            "session",
            "admin",
            True,
        )
        assert (session.me.user.must_change_password, session.me.user.needs_current_password) == (False, False)
        metadata = await identity(second, session.token)
        assert (await at_second.rest.GetMe(rest.GetMeRequest(), metadata=metadata)).data == session.me
        changed = rest.ChangePasswordRequest(new_password=PASSWORD)
        await at_second.rest.ChangePassword(changed, metadata=metadata)
        assert await refusal(at_second.rest.ChangePassword(changed, metadata=metadata)) == (
            ErrorReason.FIELD_INVALID,
            "Current password and new password are required",
        )
        by_password = rest.CreateSessionRequest(user_name="admin", password=PASSWORD)
        other = (await at_first.rest.CreateSession(by_password)).data
        assert other.me.user.needs_current_password
        await at_first.rest.DeleteSession(rest.DeleteSessionRequest(), metadata=metadata)
        async with asyncio.timeout(15):
            while (await check(first, session.token))[0] != 401:
                await asyncio.sleep(0.05)
        assert (await refusal(at_first.rest.GetMe(rest.GetMeRequest(), metadata=metadata)))[0] is ErrorReason.SESSION_INVALID
    made, _ = await admin("create-sign-in-link", "--user", "admin", "--minutes", "5")
    assert made["user"] == "admin"
    assert (await admin("create-sign-in-link", "--user", "nobody", status=1))[1].strip().endswith("User not found")


@pytest.mark.parametrize("minutes", ["0", "1441", "-1", "1.5", "x", "9" * 5_000])
async def test_how_long_a_link_may_be_good_for(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(cli.main, ["create-sign-in-link", f"--minutes={minutes}"])
    assert ended.value.code == 2
    assert "must be a whole number from 1 to 1440" in capsys.readouterr().err


@pytest.mark.cases(2)
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (rest.CreateSessionRequest(), "user_name"),
        (rest.CreateSessionRequest(password="x"), "user_name"),
        (rest.CreateSessionRequest(user_name="admin", sign_in_token="x"), "user_name"),
        (rest.CreateSessionRequest(password="x", sign_in_token="x"), ""),
        (rest.CreateSessionRequest(user_name="admin"), "password"),
        (rest.CreateSessionRequest(user_name="", password="x"), "user_name"),
    ],
)
async def test_exactly_one_way_to_sign_in(replicas: Replicas, admin: Admin, asked: rest.CreateSessionRequest, field: str) -> None:
    await admin.new_key()
    async with replicas.start("a") as running, people(running) as calls:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await calls.rest.CreateSession(asked)
        error = from_rpc(refused.value)
        assert (error.reason, error.field or "") == (ErrorReason.FIELD_INVALID, field), error.message
