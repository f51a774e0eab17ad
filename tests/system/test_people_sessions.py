"""Sessions of people as gRPC through the public port: which streams end with what is permitted, and who calls."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from itertools import pairwise

import grpc
import pytest

from darkroom import ApiError, AsyncClient
from darkroom.accounts.v1 import accounts_service_pb2 as accounts
from darkroom.accounts.v1 import accounts_service_pb2_grpc, sessions_service_pb2_grpc
from darkroom.accounts.v1 import sessions_service_pb2 as sessions
from darkroom.operations.v1 import noop_pb2, operation_pb2
from darkroom.tasks.v1 import task_pb2, tasks_service_pb2_grpc
from darkroom.tasks.v1 import tasks_service_pb2 as tasks
from services.platform.errors import ErrorReason, from_rpc
from tests.stacks import StackUnderTest
from tests.system.snapotter import PASSWORD, SnapOtter, new_name

FIRST = "First-Password-1"
# Longer than it takes accounts to announce what has ended and changed once more.
LASTING = operation_pb2.Operation(noop=noop_pb2.Noop(steps=70, step_milliseconds=100))


@pytest.fixture
async def edge(stack: StackUnderTest) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(stack.url.removeprefix("http://")) as channel:
        yield channel


def sent(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


async def states(edge: grpc.aio.Channel, token: str, task_id: int) -> AsyncIterator[task_pb2.TaskState.ValueType]:
    """The states that one stream of a task's events tells. Nothing resumes it."""
    request = tasks.WatchTaskRequest(task_id=task_id)
    async for reply in tasks_service_pb2_grpc.TasksServiceStub(edge).WatchTask(request, metadata=sent(token)):
        yield reply.event.state


async def reason_of(call: grpc.aio.UnaryUnaryCall[object, object]) -> ErrorReason:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return from_rpc(refused.value).reason


async def test_another_role_ends_what_was_opened_before_it(stack: StackUnderTest, edge: grpc.aio.Channel, admin: SnapOtter) -> None:
    user, person = await admin.person("editor")
    async with AsyncClient(stack.url, person.token) as client, AsyncClient(stack.url, admin.token) as boss:
        task = await client.create_task([], [LASTING])
        before = states(edge, person.token, task.id)
        await anext(before)
        resumed = client.watch(task.id)
        sequences = [(await anext(resumed)).sequence]
        await boss.users.update(user["id"], role="user")
        after = states(edge, person.token, task.id)
        last = asyncio.ensure_future(_last(after))
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await _last(before)
        assert (ended.value.code(), from_rpc(ended.value).reason) == (grpc.StatusCode.UNAVAILABLE, ErrorReason.UNAVAILABLE)
        assert await last == task_pb2.TASK_STATE_SUCCEEDED
        sequences += [event.sequence async for event in resumed]
        assert all(later == earlier + 1 for earlier, later in pairwise(sequences))
        assert sequences[-1] == (await client.wait(task.id)).last_sequence


@pytest.mark.thorough
async def test_a_stream_goes_on_that_was_opened_once_the_password_was_changed(
    stack: StackUnderTest, edge: grpc.aio.Channel, admin: SnapOtter
) -> None:
    token = await _new_session(stack, admin)
    async with AsyncClient(stack.url, token) as client:
        await client.sessions.change_password(FIRST, PASSWORD)
        task = await client.create_task([], [LASTING])
        assert await _last(states(edge, token, task.id)) == task_pb2.TASK_STATE_SUCCEEDED


async def test_who_must_change_the_password_is_told_so(stack: StackUnderTest, edge: grpc.aio.Channel, admin: SnapOtter) -> None:
    token = await _new_session(stack, admin)
    stub = accounts_service_pb2_grpc.AccountsServiceStub(edge)
    async with AsyncClient(stack.url, token) as client:
        for call in (client.list_tasks(1), client.list_files(1), client.users.list(), client.keys.list(), client.balance()):
            with pytest.raises(ApiError, match="ChangePassword") as refused:
                await call
            assert refused.value.reason == "PASSWORD_CHANGE_REQUIRED"
        told = await stub.GetAccount(accounts.GetAccountRequest(), metadata=sent(token))
        assert (told.must_change_password, list(told.scopes)) == (True, [])
        await client.sessions.change_password(FIRST, PASSWORD)
        told = await stub.GetAccount(accounts.GetAccountRequest(), metadata=sent(token))
        assert not told.must_change_password
        assert told.scopes
    told = await stub.GetAccount(accounts.GetAccountRequest(), metadata=sent(admin.token))
    assert (told.must_change_password, list(told.scopes)) == (False, [])


async def test_without_a_token_in_the_request_the_callers_session_is_meant(
    stack: StackUnderTest, edge: grpc.aio.Channel, admin: SnapOtter
) -> None:
    user, person = await admin.person()
    stub = sessions_service_pb2_grpc.SessionsServiceStub(edge)
    own, ending = sessions.GetSessionRequest(), sessions.DeleteSessionRequest()
    assert (await stub.GetSession(own, metadata=sent(person.token))).user.id == user["id"]
    async with AsyncClient(stack.url, person.token) as client:
        _, secret = await client.user_keys.create("ci")
    for metadata in ((), sent(secret), sent(str(uuid.uuid4())), sent("x")):
        assert await reason_of(stub.GetSession(own, metadata=metadata)) is ErrorReason.SESSION_INVALID
        await stub.DeleteSession(ending, metadata=metadata)
    # Also for a session that is only good for changing the password.
    new = await _new_session(stack, admin)
    assert (await stub.GetSession(own, metadata=sent(new))).user.must_change_password
    assert (await stub.GetSession(sessions.GetSessionRequest(token=new), metadata=sent(person.token))).user.must_change_password
    await stub.DeleteSession(ending, metadata=sent(person.token))
    for token in (person.token, secret):
        asked = sessions.GetSessionRequest(token=token)
        assert await reason_of(stub.GetSession(asked)) is ErrorReason.SESSION_INVALID
    assert (await person.get("/v1/files")).status_code == 401
    assert (await stub.GetSession(own, metadata=sent(new))).user.must_change_password


async def _new_session(stack: StackUnderTest, admin: SnapOtter) -> str:
    """A session of somebody new, who has to change the password."""
    name = new_name()
    async with AsyncClient(stack.url, admin.token) as client:
        await client.users.create(name, FIRST)
        return (await client.sessions.create(name, FIRST)).token


async def _last(told: AsyncIterator[task_pb2.TaskState.ValueType]) -> task_pb2.TaskState.ValueType:
    async with asyncio.timeout(120):
        return [state async for state in told][-1]
