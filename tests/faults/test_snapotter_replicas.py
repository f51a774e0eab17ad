"""SnapOtter's API with two gateways and two accounts services: what is done through one holds for the other."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial

import httpx
import pytest

from darkroom import AsyncClient
from darkroom.failures import Unauthenticated
from darkroom.operations.v1 import noop_pb2, operation_pb2
from services.accounts.store.accounts import AccountStore
from services.accounts.store.people import PeopleStore
from services.platform.database import open_database
from tests.faults.beside import beside
from tests.harness.parts import ensure_up
from tests.stacks import StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.snapotter import PASSWORD, SnapOtter
from tests.system.snapotter_batches import archive, batch
from tests.system.snapotter_progress import events_of

PICTURE = encoded(disc(64, 48), "PNG")
LONG = operation_pb2.Operation(noop=noop_pb2.Noop(steps=1000, step_milliseconds=1000))
SETTINGS = "/api/v1/settings"
PATIENCE_SECONDS = 30


@pytest.fixture(scope="module")
def doors(_stack_alone: StackUnderTest) -> Iterator[tuple[str, str]]:
    """URLs of both. The second gateway starts when a tool has been disabled."""
    ensure_up(_stack_alone)

    async def disable(tools: list[str]) -> None:
        visitor = SnapOtter(_stack_alone.url)
        try:
            admin = await visitor.admin()
            assert (await admin.call("PUT", SETTINGS, {"disabledTools": tools})).status_code == 200
        finally:
            await visitor.http.aclose()

    _stack_alone.run(disable(["strip-metadata", "no-such-tool"]))
    with beside(_stack_alone) as url:
        _stack_alone.run(disable([]))
        yield _stack_alone.url, url


@pytest.fixture
async def first(doors: tuple[str, str]) -> AsyncIterator[SnapOtter]:
    """The administrator, at the first."""
    visitor = SnapOtter(doors[0])
    yield await visitor.admin()
    await visitor.http.aclose()


@pytest.fixture
def second(doors: tuple[str, str], first: SnapOtter) -> SnapOtter:
    """The administrator, at the second, with the same session."""
    return SnapOtter(doors[1], first.token, first.http)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():
            await asyncio.sleep(0.1)


@pytest.mark.thorough
async def test_disabled_tools_are_gone_after_a_start(first: SnapOtter, second: SnapOtter) -> None:
    for path in ("strip-metadata", "strip-metadata/inspect"):
        gone = await second.tool(path, PICTURE)
        assert gone.status_code == 404
        assert gone.json() == {"message": f"Route POST:/api/v1/tools/{path} not found", "error": "Not Found", "statusCode": 404}
        assert (await first.tool(path, PICTURE)).status_code == 200
    assert (await second.of("").tool("strip-metadata", PICTURE)).status_code == 401
    assert len(await second.result("resize", PICTURE, {"width": 9})) > 0


async def test_settings_and_the_logo_are_the_same_at_once(first: SnapOtter, second: SnapOtter) -> None:
    name = secrets.token_hex(6)
    for number, (writer, reader) in enumerate(((first, second), (second, first))):
        await writer.call("PUT", SETTINGS, {name: str(number)})
        assert (await reader.get(f"{SETTINGS}/{name}")).json()["value"] == str(number)
    ids = {(await caller.get(f"{SETTINGS}/instance_id")).json()["value"] for caller in (first, second)}
    assert len(ids) == 1
    body = (
        b'--e\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        + PICTURE
        + b"\r\n--e--\r\n"
    )
    sent = await second.call("POST", f"{SETTINGS}/logo", body, **{"content-type": "multipart/form-data; boundary=e"})
    assert sent.status_code == 200
    shown = [await caller.get(f"{SETTINGS}/logo") for caller in (first, second)]
    assert shown[0].content == shown[1].content
    assert shown[0].headers["etag"] == shown[1].headers["etag"]
    await first.call("DELETE", f"{SETTINGS}/logo")
    assert (await second.get(f"{SETTINGS}/logo")).status_code == 404


async def test_a_stream_of_progress_follows_a_job_of_the_other(first: SnapOtter, second: SnapOtter) -> None:
    for runner, watcher in ((first, second), (second, first)):
        name, opened = secrets.token_hex(8), asyncio.Event()
        watching = asyncio.create_task(events_of(watcher, name, opened))
        await opened.wait()
        reply = await runner.tool("resize", PICTURE, {"width": 20}, clientJobId=name)
        told = await asyncio.wait_for(watching, PATIENCE_SECONDS)
        assert [each["phase"] for each in told] == ["processing", "complete"]
        assert told[-1]["result"] == reply.json()
        assert await watcher.download(reply.json()["downloadUrl"]) == await runner.download(reply.json()["downloadUrl"])


@pytest.mark.thorough
async def test_streams_of_an_account_are_counted_at_both(first: SnapOtter, second: SnapOtter, _stack_alone: StackUnderTest) -> None:
    def stream(caller: SnapOtter) -> AbstractAsyncContextManager[httpx.Response]:
        return caller.http.stream("GET", f"{caller.url}/api/v1/jobs/{secrets.token_hex(8)}/progress", headers=caller.headers)

    async def is_refused(caller: SnapOtter) -> bool:
        async with stream(caller) as reply:
            assert reply.status_code in (200, 503)
            return reply.status_code == 503

    async with open_database(_stack_alone.database_url("accounts"), pool=2) as database:
        home, store = await PeopleStore(database).home(None), AccountStore(database)
        assert home is not None
        await store.set_limits(home, {"max_streams": 2})
        try:
            async with stream(first) as one, stream(second) as other:
                assert (one.status_code, other.status_code) == (200, 200)
                # The limit is known within five seconds.
                for caller in (first, second):
                    await until(partial(is_refused, caller))
            for caller in (first, second):
                await until(partial(_not, partial(is_refused, caller)))
        finally:
            await store.set_limits(home, {"max_streams": None})


async def _not(holds: Callable[[], Awaitable[bool]]) -> bool:
    return not await holds()


async def test_a_batch_of_one_is_followed_at_the_other(first: SnapOtter, second: SnapOtter) -> None:
    files = [("a.png", PICTURE), ("no.png", b"no picture"), ("b.png", PICTURE)]
    for runner, watcher in ((first, second), (second, first)):
        name, opened = secrets.token_hex(8), asyncio.Event()
        watching = asyncio.create_task(events_of(watcher, name, opened))
        await opened.wait()
        found = archive(await batch(runner, "resize", files, {"width": 20}, clientJobId=name))
        assert found.results == {"0": "a_resize.png", "2": "b_resize.png"}
        told = await asyncio.wait_for(watching, PATIENCE_SECONDS)
        assert [each["completedFiles"] for each in told] == sorted(each["completedFiles"] for each in told)
        assert {each["status"] for each in told[:-1]} == {"processing"}
        assert (told[-1]["status"], told[-1]["completedFiles"], told[-1]["failedFiles"]) == ("completed", 3, 1)
        # Whoever comes later hears how it ended, at either.
        for caller in (runner, watcher):
            assert await asyncio.wait_for(events_of(caller, name), PATIENCE_SECONDS) == [told[-1]]


async def ends_the_session(how: str, admin: SnapOtter, mine: SnapOtter, user_id: str) -> None:
    match how:
        case "logout":
            reply = await mine.post("/api/auth/logout")
        case "removal":
            reply = await admin.call("DELETE", f"/api/auth/users/{user_id}")
        case "reset":
            reply = await admin.post(f"/api/auth/users/{user_id}/reset-password", {"newPassword": "Third-Password-3"})
        case _:
            body = {"currentPassword": PASSWORD, "newPassword": "Another-Horse-2"}
            reply = await (await admin.signed_in(how, PASSWORD)).post("/api/auth/change-password", body)
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("how", ["logout", "removal", "reset", "other password"])
async def test_a_session_that_ends_at_one_ends_at_the_other(first: SnapOtter, second: SnapOtter, how: str) -> None:
    added, here = await first.person()
    there = second.of(here.token)
    # Both know it now, and a stream is open.
    assert (await there.get("/api/v1/files")).status_code == 200
    async with AsyncClient(there.url, there.token) as native:
        task, opened = await native.create_task([], [LONG]), asyncio.Event()

        async def watch() -> None:
            async for _ in native.watch(task.id):
                opened.set()

        watching = asyncio.create_task(watch())
        await opened.wait()
        await ends_the_session(how if how != "other password" else added["username"], first, here, added["id"])

        async def refused() -> bool:
            return (await there.get("/api/v1/files")).status_code == 401

        await until(refused)
        with pytest.raises(Unauthenticated):
            await asyncio.wait_for(watching, PATIENCE_SECONDS)
    async with AsyncClient(first.url, first.token) as native:
        await native.cancel_task(task.id)


async def test_a_demotion_and_a_deleted_key_hold_at_the_other(first: SnapOtter, second: SnapOtter) -> None:
    added, here = await first.person("admin")
    there = second.of(here.token)
    made = (await here.post("/api/v1/api-keys", {})).json()
    key = second.of(made["key"])
    for caller in (there, key):
        assert (await caller.get("/api/auth/users")).status_code == 200
    assert (await first.call("PUT", f"/api/auth/users/{added['id']}", {"role": "user"})).status_code == 200

    async def demoted() -> bool:
        return [(await caller.get("/api/auth/users")).status_code for caller in (there, key)] == [403, 403]

    await until(demoted)
    assert (await here.call("DELETE", f"/api/v1/api-keys/{made['id']}")).status_code == 200

    async def gone() -> bool:
        return (await key.get("/api/v1/files")).status_code == 401

    await until(gone)
    assert (await there.get("/api/v1/files")).status_code == 200


async def test_what_becomes_of_a_role_at_one_holds_at_the_other(first: SnapOtter, second: SnapOtter) -> None:
    made = (await first.post("/api/v1/roles", {"name": f"role-{secrets.token_hex(4)}", "permissions": ["teams:manage"]})).json()
    _, here = await first.person(made["name"])
    key = second.of((await here.post("/api/v1/api-keys", {})).json()["key"])
    there, role = second.of(here.token), f"/api/v1/roles/{made['id']}"

    async def permitted(statuses: set[int]) -> None:
        async def holds() -> bool:
            return {(await caller.get("/api/v1/teams")).status_code for caller in (here, there, key)} == statuses

        await until(holds)

    await permitted({200})
    for turn, permissions in enumerate((["audit:read"], ["teams:manage"], ["tools:use"])):
        changed = await (first, second)[turn % 2].call("PUT", role, {"permissions": permissions})
        assert changed.status_code == 200, changed.text
        await permitted({200 if "teams:manage" in permissions else 403})
    assert (await second.call("DELETE", role)).status_code == 200

    async def everywhere_a_user() -> bool:
        roles = [(await caller.get("/api/auth/session")).json()["user"]["role"] for caller in (here, there)]
        return roles == ["user", "user"]

    await until(everywhere_a_user)


async def attempts(callers: list[SnapOtter], most: int) -> int:
    """How many of many attempts to sign in, at each in turn, pass the limit. They come from a new address, and each has a name of its own,
    so that wrong passwords before them do not count."""
    address = f"127.{secrets.randbelow(200) + 1}.{secrets.randbelow(200) + 1}.1"
    replies = []
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address=address), timeout=60) as http:
        for number in range(most):
            body = {"username": secrets.token_hex(6), "password": "Wrong-Password-1"}
            replies.append(await http.post(f"{callers[number % len(callers)].url}/api/auth/login", json=body))
    for reply in replies:
        assert reply.status_code in (401, 429), reply.text
        assert reply.status_code == 401 or int(reply.headers["retry-after"]) > 0
    return sum(reply.status_code == 401 for reply in replies)


async def test_attempts_to_sign_in_count_together_and_by_the_setting(first: SnapOtter, second: SnapOtter) -> None:
    try:
        # A limit of its own has a bucket of its own; what flows into it meanwhile is little.
        for limit in (4, 7):
            assert (await first.call("PUT", SETTINGS, {"loginAttemptLimit": limit})).status_code == 200
            assert limit <= await attempts([first, second], 20) <= limit + 3
        for unlimited in (0, "many", -3, "NaN"):
            assert (await second.call("PUT", SETTINGS, {"loginAttemptLimit": unlimited})).status_code == 200
            assert await attempts([first, second], 10) == 10
    finally:
        assert (await first.call("PUT", SETTINGS, {"loginAttemptLimit": ""})).status_code == 200
