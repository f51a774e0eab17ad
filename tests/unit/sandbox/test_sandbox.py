"""The sandbox: answers, limits, failures, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from services.platform.errors import DarkroomError, ErrorReason
from services.platform.sandbox import (
    Limits,
    Sandbox,
    SandboxCrashed,
    SandboxFailed,
    SandboxLost,
    SandboxOutOfMemory,
    SandboxTimedOut,
)
from tests.unit.sandbox import jobs

DEADLINE_SECONDS = 30.0


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(preload=["tests.unit.sandbox.jobs"], concurrency=4) as sandbox:
        yield sandbox


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


async def until_gone(pid: int) -> None:
    await eventually(lambda: not running(pid))


def running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def until_written(path: Path) -> int:
    await eventually(path.exists)
    return int(text(path))


def text(path: Path) -> str:
    return path.read_text()


def parent_of(pid: int) -> int:
    return int(text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()[1])


@pytest.mark.parametrize("value", [None, 1.5, "水印", [1, {"a": [True]}], b"\x00bytes" * 100_000])
async def test_returns_what_the_function_returns(sandbox: Sandbox, value: object) -> None:
    assert await sandbox.run(jobs.echo, value) == value


async def test_each_job_has_a_fresh_child_of_one_single_threaded_process(sandbox: Sandbox) -> None:
    first, second, third = await asyncio.gather(*(sandbox.run(jobs.whoami) for _ in range(3)))
    assert len({first[0], second[0], third[0], os.getpid()}) == 4
    assert first[1] == second[1] == third[1] != os.getpid()
    assert first[2] == 1
    assert "Threads:\t1\n" in text(Path(f"/proc/{first[1]}/status"))


async def test_progress_arrives_in_order(sandbox: Sandbox) -> None:
    seen: list[tuple[int, int]] = []
    result = await sandbox.run(jobs.count_to, 500, on_progress=lambda done, total: seen.append((done, total)))
    assert result == "done"
    assert seen == [(step, 500) for step in range(1, 501)]


async def test_typed_errors_cross_whole(sandbox: Sandbox) -> None:
    with pytest.raises(DarkroomError) as caught:
        await sandbox.run(jobs.refuse)
    error = caught.value
    assert (error.reason, error.message, error.field) == (ErrorReason.FILE_CORRUPT, "The file is damaged.", "files[0]")
    assert error.allowed == ("png",)
    assert error.metadata == {"id": "7"}


async def test_a_full_disk_is_no_defect(sandbox: Sandbox) -> None:
    with pytest.raises(DarkroomError) as caught:
        await sandbox.run(jobs.find_no_room)
    assert caught.value.reason is ErrorReason.UNAVAILABLE


async def test_other_exceptions_carry_their_traceback(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxFailed, match="a defect in the function") as caught:
        await sandbox.run(jobs.misuse)
    assert caught.value.exception_type == "LookupError"
    with pytest.raises(SandboxFailed, match="not JSON serializable"):
        await sandbox.run(jobs.unencodable)


async def test_memory_limit(sandbox: Sandbox) -> None:
    limits = Limits(memory_bytes=512 << 20)
    assert await sandbox.run(jobs.allocate, 1 << 20, limits=limits) == 1 << 20
    with pytest.raises(SandboxOutOfMemory):
        await sandbox.run(jobs.allocate, 600 << 20, limits=limits)


async def test_processor_limit(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxTimedOut, match="processor"):
        await sandbox.run(jobs.burn_processor, limits=Limits(cpu_seconds=1))


async def test_wall_limit_kills_the_child(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(SandboxTimedOut):
        await sandbox.run(jobs.write_pid_and_wait, tmp_path / "pid", folder=tmp_path, limits=Limits(wall_seconds=1))
    await until_gone(await until_written(tmp_path / "pid"))


async def test_open_files_and_file_size_limits(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await sandbox.run(jobs.open_many, 20, limits=Limits(open_files=40)) == 20
    with pytest.raises(SandboxFailed, match="Too many open files"):
        await sandbox.run(jobs.open_many, 41, limits=Limits(open_files=40))
    with pytest.raises(SandboxFailed, match="File too large"):
        await sandbox.run(jobs.write_file, tmp_path / "big", 4096, folder=tmp_path, limits=Limits(file_bytes=1024))


async def test_crashes_name_their_cause(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxCrashed, match=f"signal {signal.SIGSEGV:d}"):
        await sandbox.run(jobs.fault)
    with pytest.raises(SandboxCrashed, match="status 3"):
        await sandbox.run(jobs.leave, 3)
    with pytest.raises(SandboxOutOfMemory):
        await sandbox.run(jobs.die_by, int(signal.SIGKILL))
    assert await sandbox.run(jobs.echo, "still serving") == "still serving"


async def test_a_child_that_was_taken_over_cannot_mislead_the_host(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxCrashed, match="is not valid"):
        await sandbox.run(jobs.speak_nonsense)
    with pytest.raises(SandboxCrashed, match="4294967295 bytes"):
        await sandbox.run(jobs.promise_too_much)


async def test_cancelling_kills_the_child(sandbox: Sandbox, tmp_path: Path) -> None:
    task = asyncio.create_task(sandbox.run(jobs.write_pid_and_wait, tmp_path / "pid", folder=tmp_path))
    pid = await until_written(tmp_path / "pid")
    assert running(pid)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_gone(pid)


async def test_what_only_some_jobs_need_is_loaded_when_the_first_of_them_comes() -> None:
    async with Sandbox(preload=[jobs.__name__], on_demand={os.getpid.__module__: ["colorsys"]}) as sandbox:
        assert not await sandbox.run(jobs.has_loaded, "colorsys")
        await sandbox.run(os.getpid)
        assert await sandbox.run(jobs.has_loaded, "colorsys")


async def test_the_forking_process_loads_nothing_before_the_first_job() -> None:
    others = set(psutil.Process().children())
    async with Sandbox(preload=[jobs.__name__, "_sqlite3"]) as sandbox:
        await sandbox.start()
        (nursery,) = set(psutil.Process().children()) - others
        assert not any("_sqlite3" in each.path for each in nursery.memory_maps())
        await sandbox.run(jobs.whoami)
        assert any("_sqlite3" in each.path for each in nursery.memory_maps())


async def test_no_more_children_than_allowed(tmp_path: Path) -> None:
    async with Sandbox(preload=["tests.unit.sandbox.jobs"], concurrency=1) as sandbox:
        first = asyncio.create_task(sandbox.run(jobs.write_pid_and_wait, tmp_path / "first", folder=tmp_path))
        await until_written(tmp_path / "first")
        second = asyncio.create_task(sandbox.run(jobs.echo, 2))
        done, _ = await asyncio.wait([second], timeout=0.3)
        assert not done
        first.cancel()
        assert await asyncio.wait_for(second, DEADLINE_SECONDS) == 2


async def test_it_recovers_when_the_forking_process_dies(sandbox: Sandbox, tmp_path: Path) -> None:
    _, nursery, _ = await sandbox.run(jobs.whoami)
    task = asyncio.create_task(sandbox.run(jobs.write_pid_and_wait, tmp_path / "pid", folder=tmp_path))
    pid = await until_written(tmp_path / "pid")
    os.kill(nursery, signal.SIGKILL)
    with pytest.raises(SandboxLost):
        await task
    await until_gone(pid)
    assert await sandbox.run(jobs.echo, "again") == "again"


async def test_the_process_that_forks_children_lives_while_there_are_jobs(tmp_path: Path) -> None:
    others = set(psutil.Process().children())
    async with Sandbox(preload=["tests.unit.sandbox.jobs"], idle_seconds=0.2) as sandbox:
        assert set(psutil.Process().children()) == others
        task = asyncio.create_task(sandbox.run(jobs.write_pid_and_wait, tmp_path / "pid", folder=tmp_path))
        pid = await until_written(tmp_path / "pid")
        await sandbox.run(jobs.whoami)
        await asyncio.sleep(0.5)
        assert running(pid)
        task.cancel()
        await until_gone(pid)
        await eventually(lambda: set(psutil.Process().children()) == others)
        assert await sandbox.run(jobs.echo, "again") == "again"


async def test_closing_ends_every_child(tmp_path: Path) -> None:
    sandbox = Sandbox(preload=["tests.unit.sandbox.jobs"])
    task = asyncio.create_task(sandbox.run(jobs.write_pid_and_wait, tmp_path / "pid", folder=tmp_path))
    pid = await until_written(tmp_path / "pid")
    await sandbox.aclose()
    await until_gone(pid)
    with pytest.raises(SandboxCrashed):
        await task


async def test_a_host_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from services.platform.sandbox import Sandbox\n"
        "from tests.unit.sandbox import jobs\n"
        "path = Path(sys.argv[1])\n"
        "asyncio.run(Sandbox().run(jobs.write_pid_and_wait, path, folder=path.parent))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    host = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(tmp_path / "pid"), env=environment)
    pid = await until_written(tmp_path / "pid")
    nursery = parent_of(pid)
    host.kill()
    await host.wait()
    await until_gone(pid)
    await until_gone(nursery)
