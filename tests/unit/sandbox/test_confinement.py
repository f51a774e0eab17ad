"""What a child that was taken over cannot do, tried by children, of a service that runs as root and of one that does not."""

from __future__ import annotations

import asyncio
import errno
import os
import platform
import socket
import sys
import sysconfig
import tempfile
import venv
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from services.platform.sandbox import Limits, Sandbox, SandboxFailed
from tests.unit.sandbox import escapes, jobs
from tests.unit.sandbox.test_sandbox import until_written

SECRET = "DARKROOM_TEST_SECRET"
ROOT_OUTSIDE = Path("/proc/self/uid_map").read_text().split()[1] == "0"
X86 = platform.machine() == "x86_64"


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    os.environ[SECRET] = "s3cret"
    async with Sandbox(preload=["tests.unit.sandbox.escapes", "tests.unit.sandbox.jobs"], concurrency=2) as made:
        yield made
    del os.environ[SECRET]


async def refused(sandbox: Sandbox, function: Callable[..., Any], *args: Any, **options: Any) -> str:
    with pytest.raises(SandboxFailed) as caught:
        await sandbox.run(function, *args, **options)
    assert caught.value.exception_type in ("PermissionError", "OSError", "FileNotFoundError"), caught.value
    return str(caught.value)


async def test_the_environment_holds_no_secret(sandbox: Sandbox) -> None:
    found = await sandbox.run(escapes.environment)
    assert "PYTHONPATH" in found
    assert not [name for name in found if name.startswith("DARKROOM")]


async def test_no_rights_are_left(sandbox: Sandbox, tmp_path: Path) -> None:
    waiting = asyncio.create_task(sandbox.run(jobs.write_pid_and_wait, tmp_path / "pid", folder=tmp_path))
    pid = await until_written(tmp_path / "pid")
    lines = (line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    status = {name: value.strip() for name, value in lines}
    waiting.cancel()
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    if os.geteuid() == 0:
        assert "0" not in status["Uid"].split()
        assert status["Groups"] == ""
    # Bounds are dropped by whoever may: root, and anybody in a user namespace of their own.
    assert {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")} == dict.fromkeys(
        ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"), 0
    )


async def test_no_way_to_any_socket(sandbox: Sandbox) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as local,
        tempfile.TemporaryDirectory() as folder,  # a socket's path is limited to 107 bytes
    ):
        path = f"{folder}/socket"
        local.bind(path)
        local.listen()
        await refused(sandbox, escapes.connect_to_address, server.getsockname()[1])
        await refused(sandbox, escapes.connect_to_path, path)
        await refused(sandbox, escapes.pair_of_sockets)


async def test_no_file_but_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    for folder in (mine, other):
        folder.mkdir()
        (folder / "input").write_text(folder.name)
    assert await sandbox.run(escapes.read_given, mine / "input", reads=[mine / "input"]) == "mine"
    assert await sandbox.run(escapes.read_given, mine / "input", folder=mine) == "mine"
    for path in (
        other / "input",
        Path("/etc/passwd"),
        Path("/etc/shadow"),
        Path("/proc/self/environ"),
        Path(__file__).parents[3] / "Makefile",
    ):
        await refused(sandbox, escapes.read_file, str(path), folder=mine)
    for folder in (other, tmp_path, Path("/"), Path("/proc"), Path("/root"), Path("/tmp")):
        await refused(sandbox, escapes.list_folder, str(folder), folder=mine)
    for path in (other / "new", tmp_path / "new", Path("/tmp/new"), Path("/usr/new"), Path(escapes.__file__)):
        await refused(sandbox, escapes.write_file, str(path), folder=mine)
    await refused(sandbox, escapes.write_given, other / "input", reads=[other / "input"], folder=mine)
    # The service follows no link to where the child could not go.
    await refused(sandbox, escapes.make_symbolic_link, mine / "link", str(other / "input"), folder=mine)
    await refused(sandbox, escapes.make_hard_link, mine / "link", str(other / "input"), folder=mine)
    await sandbox.run(escapes.write_given, mine / "output", folder=mine)
    assert (mine / "output").read_text() == "taken over"


@pytest.mark.parametrize("name", ["environ", "mem", "maps", "fd/0", "root/etc/passwd"])
async def test_nothing_of_the_parent(sandbox: Sandbox, name: str) -> None:
    await refused(sandbox, escapes.read_parent, name)


@pytest.mark.parametrize(
    "attempt",
    [escapes.start_process, escapes.start_program, escapes.become_root, escapes.enter_namespace, escapes.io_uring],
    ids=lambda attempt: attempt.__name__,
)
async def test_refused_by_the_kernel(sandbox: Sandbox, attempt: Callable[[], None]) -> None:
    if attempt is escapes.become_root and os.geteuid() != 0:
        pytest.skip("0 is no other user here")
    assert f"Errno {errno.EPERM}" in await refused(sandbox, attempt)


async def test_others_are_out_of_reach(sandbox: Sandbox) -> None:
    attempts = [escapes.kill, *([escapes.trace, escapes.memory_of_another] if X86 else [])]
    for attempt in attempts:
        assert f"Errno {errno.EPERM}" in await refused(sandbox, attempt, os.getpid())


@pytest.mark.skipif(
    os.geteuid() != 0 and ROOT_OUTSIDE, reason="the kernel does not count root's threads, by whatever id a namespace calls it"
)
async def test_threads_are_counted(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await sandbox.run(escapes.count_threads, 20, folder=tmp_path) == 20
    assert await sandbox.run(escapes.count_threads, 200, folder=tmp_path, limits=Limits(threads=50)) < 50


async def test_a_module_that_is_not_loaded_can_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    """One of those that are installed, also where only root may enter the folder above."""
    for name in ("stdlib", "purelib"):
        assert await sandbox.run(escapes.list_folder, sysconfig.get_path(name), folder=tmp_path)
    await refused(sandbox, escapes.list_folder, str(Path(sys.prefix).parent), folder=tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests above have shown it")
async def test_the_same_without_root(tmp_path: Path) -> None:
    """In a user namespace where this process has the id 1000 and no capabilities, as in a container that does not run as root."""
    await the_same(tmp_path, sys.executable, "unshare", "--user", "--map-user=1000", "--map-group=1000")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's children are other users")
async def test_the_same_with_packages_where_only_root_may_enter(tmp_path: Path) -> None:
    """As with a clone in `/root`."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    venv.create(closed / "venv", symlinks=True)
    [packages] = (closed / "venv").glob("lib/*/site-packages")
    (packages / "those_of_the_tests.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    await the_same(tmp_path, str(closed / "venv" / "bin" / "python"))


async def the_same(folder: Path, python: str, *within: str) -> None:
    tests = [python, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", f"--basetemp={folder / 'inner'}", "-k", "not the_same"]
    process = await asyncio.create_subprocess_exec(
        *within, *tests, __file__, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
