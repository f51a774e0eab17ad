"""Warm children: whom they serve, when they end, and what ends them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import IO

import pytest

from services.platform.errors import DarkroomError
from services.platform.sandbox import Limits, Sandbox, SandboxCrashed, SandboxFailed, SandboxTimedOut, WarmChildren, warm, warm_child
from tests.unit.sandbox import jobs
from tests.unit.sandbox.test_sandbox import eventually, running, until_gone

LIMITS = Limits(memory_bytes=1 << 30, cpu_seconds=1, wall_seconds=60)


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(preload=[jobs.__name__]) as made:
        yield made


@pytest.fixture
async def children(sandbox: Sandbox) -> AsyncIterator[WarmChildren]:
    async with WarmChildren(sandbox, working=2, kept=3, jobs=4, seconds=60, limits=LIMITS) as made:
        yield made


async def who(children: WarmChildren, account_id: int) -> int:
    return (await children.run(account_id, jobs.whoami, []))[0]


async def test_a_child_serves_one_account_and_others_have_their_own(children: WarmChildren) -> None:
    mine = await who(children, 1)
    assert await who(children, 1) == mine
    other = await who(children, 2)
    assert other != mine
    assert [await who(children, 1), await who(children, 2)] == [mine, other]
    third, fourth = await who(children, 3), await who(children, 4)
    assert len({mine, other, third, fourth}) == 4
    # Only three are kept: the one that waited longest made room.
    await until_gone(mine)
    assert running(other)


async def test_a_child_is_renewed_after_its_jobs(children: WarmChildren) -> None:
    pids = [await who(children, 1) for _ in range(5)]
    assert len(set(pids[:4])) == 1
    assert pids[4] != pids[0]
    await until_gone(pids[0])


async def test_children_end_when_nobody_has_a_job() -> None:
    async with (
        Sandbox(preload=[jobs.__name__], idle_seconds=0.2) as sandbox,
        WarmChildren(sandbox, working=2, kept=3, jobs=4, seconds=60, limits=LIMITS) as children,
    ):
        first = await who(children, 1)
        await until_gone(first)
        assert await who(children, 1) != first


async def test_a_child_is_renewed_after_its_time(sandbox: Sandbox) -> None:
    async with WarmChildren(sandbox, working=1, kept=1, jobs=100, seconds=0.05, limits=LIMITS) as children:
        first = await who(children, 1)
        await until_gone(first)
        assert await who(children, 1) != first


async def test_the_strict_setting_is_one_child_a_job(sandbox: Sandbox) -> None:
    async with WarmChildren(sandbox, working=2, kept=8, jobs=1, seconds=60, limits=LIMITS) as children:
        pids = [await who(children, 1) for _ in range(3)]
        assert len(set(pids)) == 3
        for pid in pids:
            await until_gone(pid)


async def test_a_child_rehearses_once_which_is_no_job(sandbox: Sandbox) -> None:
    async with WarmChildren(sandbox, working=1, kept=1, jobs=2, seconds=60, limits=LIMITS, rehearsal=jobs.rehearse) as children:
        told = [await children.run(1, jobs.rehearsals, []) for _ in range(3)]
        assert [rehearsed for _, rehearsed in told] == [[[1, 0]]] * 3
        (first, _), (second, _), (third, _) = told
        assert first == second != third
        ahead = children._ahead
        assert ahead is not None
        assert (await ahead).jobs == 0


async def test_a_rehearsal_that_fails_leaves_no_child(sandbox: Sandbox) -> None:
    async with WarmChildren(sandbox, working=1, kept=1, jobs=2, seconds=60, limits=LIMITS, rehearsal=jobs.misrehearse) as children:
        for _ in range(2):
            with pytest.raises(SandboxFailed):
                await who(children, 1)
        assert not children._idle


async def test_a_child_keeps_the_memory_of_one_job_for_the_next(children: WarmChildren) -> None:
    first, second, third = [await children.run(1, jobs.faults, []) for _ in range(3)]
    assert first > 4000
    assert max(second, third) < 400


def test_a_child_that_waits_for_long_keeps_none(monkeypatch: pytest.MonkeyPatch) -> None:
    given_back: list[bool] = []
    monkeypatch.setattr(warm_child, "give_freed_memory_back", lambda: given_back.append(True))
    monkeypatch.setattr(warm_child, "_BUSY_SECONDS", 0.01)
    host, child = socket.socketpair()
    with host, child:
        host.send(b"job")
        warm_child._wait(child)
        assert not given_back
        child.recv(3)
        warm_child._wait(child)
        assert given_back == [True]


async def test_files_come_open_and_no_other_can_be_opened(children: WarmChildren) -> None:
    seen: list[int] = []
    with _file(b"picture") as source, _file(b"") as target:
        pid = await children.run(1, jobs.copy, [source.fileno(), target.fileno()], on_progress=seen.append)
        assert (_content(target), seen) == (b"picture", [7])
        with pytest.raises(SandboxFailed) as caught:
            await children.run(1, jobs.open_path, [source.fileno()], source.name)
        assert caught.value.exception_type == "PermissionError"
    # What a child that raised something unforeseen may be, nobody knows.
    await until_gone(pid)


async def test_a_refusal_keeps_the_child(children: WarmChildren) -> None:
    pid = await who(children, 1)
    with pytest.raises(DarkroomError, match="damaged"):
        await children.run(1, jobs.refuse, [])
    assert await who(children, 1) == pid


async def test_a_crash_ends_only_its_own_job(children: WarmChildren) -> None:
    with _file(b"") as told:
        waiting = asyncio.create_task(children.run(2, jobs.pid_and_wait, [told.fileno()]))
        await eventually(lambda: os.fstat(told.fileno()).st_size > 0)
        for job in (jobs.fault, jobs.speak_nonsense):
            with pytest.raises(SandboxCrashed):
                await children.run(1, job, [], urgent=True)
        assert running(int(_content(told)))
        assert not waiting.done()
        waiting.cancel()
    assert await who(children, 1)


async def test_cancelling_kills_the_child(children: WarmChildren) -> None:
    with _file(b"") as told:
        waiting = asyncio.create_task(children.run(1, jobs.pid_and_wait, [told.fileno()]))
        await eventually(lambda: os.fstat(told.fileno()).st_size > 0)
        pid = int(_content(told))
        waiting.cancel()
        await until_gone(pid)
    assert await who(children, 1) != pid


async def test_what_is_not_urgent_leaves_a_place(children: WarmChildren) -> None:
    with _file(b"") as told, _file(b"") as other:
        waiting = [asyncio.create_task(children.run(2, jobs.pid_and_wait, [file.fileno()])) for file in (told, other)]
        await eventually(lambda: os.fstat(told.fileno()).st_size > 0)
        assert await children.run(1, jobs.whoami, [], urgent=True)
        assert _content(other) == b""
        for each in waiting:
            each.cancel()


async def test_each_job_has_its_own_processor_time(children: WarmChildren, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "_WATCHED_SECONDS", 0.1)
    with pytest.raises(SandboxTimedOut, match="processor"):
        await children.run(1, jobs.burn_processor, [])


async def test_a_new_process_that_forks_serves_on(sandbox: Sandbox, children: WarmChildren) -> None:
    pid = await who(children, 1)
    await sandbox.aclose()
    await until_gone(pid)
    assert await who(children, 1) != pid


async def test_a_child_that_ends_before_it_gets_a_job_leaves_it_to_another(children: WarmChildren, monkeypatch: pytest.MonkeyPatch) -> None:
    pid = await who(children, 1)
    os.kill(pid, signal.SIGKILL)
    await until_gone(pid)
    monkeypatch.setattr(warm._Child, "lives", lambda _: True)
    assert await who(children, 1) != pid


@contextmanager
def _file(content: bytes) -> Iterator[IO[bytes]]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file


def _content(file: IO[bytes]) -> bytes:
    """All of it: children share the offset."""
    return os.pread(file.fileno(), 1 << 20, 0)
