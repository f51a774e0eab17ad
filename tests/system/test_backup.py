"""A backup of a stack that works, and what a stack made from it does."""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_background_pb2
from darkroom.tasks.v1 import balance_pb2, task_pb2
from deploy.local.layout import REPOSITORY
from tests.stacks import Account, StackUnderTest
from tests.system.holding import held
from tests.system.pictures import disc, encoded

CUT = operation_pb2.Operation(remove_background=remove_background_pb2.RemoveBackground())


@pytest.fixture
def elsewhere(stack: StackUnderTest) -> Iterator[StackUnderTest]:
    """Another folder, without a stack yet, that serves the same models."""
    other = StackUnderTest(models=stack.stack.config.settings.models)
    other.dir.rmdir()
    yield other
    other.close()


async def stack_command(*arguments: str | Path) -> tuple[int, str]:
    """Run `python -m deploy.local`; its exit status and output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.local",
        *map(str, arguments),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_a_stack_restored_elsewhere_finishes_what_was_open_and_charges_nothing_twice(
    stack: StackUnderTest, account: Account, native: AsyncClient, elsewhere: StackUnderTest, tmp_path: Path
) -> None:
    backup, identity = tmp_path / "backup.tar.age", pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"# a comment\n{identity}\n")
    await asyncio.to_thread(stack.admin, "tasks", "set-terms", "--account", account.id, "--credits", "enforced")
    await asyncio.to_thread(stack.admin, "tasks", "grant", "--account", account.id, "--credits", "100")
    photo = (await native.upload(encoded(disc(), "PNG"))).id
    done = await native.wait((await native.create_task([photo], [CUT], idempotency_key="first")).id)
    result = await native.read(done.output_file_ids[0])
    other = await asyncio.to_thread(stack.create_account, "other")
    async with AsyncClient(stack.url, other.api_key) as busy:
        running = await busy.create_task([], [operation_pb2.Operation(noop=noop_pb2.Noop(steps=600, step_milliseconds=100))])
        async with held(stack, account):
            queued = [await native.create_task([photo], [CUT]) for _ in range(2)]
            while (await busy.get_task(running.id)).state != task_pb2.TASK_STATE_RUNNING:
                await asyncio.sleep(0.05)
            status, said = await stack_command("--dir", stack.dir, "backup", backup, "--recipient", identity.to_public())
            assert status == 0, said
        # The stack itself goes on.
        assert (await busy.get_task(running.id)).attempt == 1
        await busy.cancel_task(running.id)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert not list(stack.dir.glob("backup-*"))
    # Whatever is deleted here later is in the backup.
    await native.delete_file(photo)

    status, said = await stack_command("--dir", elsewhere.dir, "restore", backup)
    assert (status, "--identity" in said) == (1, True)
    status, said = await stack_command("--dir", elsewhere.dir, "restore", backup, "--identity", tmp_path / "key.txt", "--port", "0")
    assert status == 0, said
    await asyncio.to_thread(elsewhere.up)
    async with AsyncClient(elsewhere.url, account.api_key) as there, AsyncClient(elsewhere.url, other.api_key) as busy:
        assert [task.state for task in await there.list_tasks() if task.id in {each.id for each in queued}] == [
            task_pb2.TASK_STATE_QUEUED
        ] * 2
        assert await there.read(done.output_file_ids[0]) == result
        assert (await there.create_task([photo], [CUT], idempotency_key="first")).id == done.id
        await asyncio.to_thread(elsewhere.admin, "tasks", "policy", "--account", account.id, "--max-running", "default")
        for task in queued:
            assert (await there.wait(task.id)).price.charged_millicredits == 10_000
        async for event in busy.watch(running.id):
            if event.attempt == 2:
                break
        await busy.cancel_task(running.id)
        balance = await there.balance()
        assert (balance.available_millicredits, balance.reserved_millicredits) == (70_000, 0)
        settled = [entry.task_id for entry in await there.list_ledger() if entry.kind == balance_pb2.LEDGER_KIND_SETTLE]
        assert sorted(settled) == sorted([done.id, *(task.id for task in queued)])
    status, said = await stack_command("--dir", elsewhere.dir, "restore", backup, "--identity", tmp_path / "key.txt")
    assert (status, "there is a stack in" in said) == (1, True)


@pytest.mark.parametrize("damage", ["not a backup", "cut short", "flipped"])
async def test_what_is_no_backup_makes_no_stack(damage: str, tmp_path: Path) -> None:
    target, file, identity = tmp_path / "stack", tmp_path / "file", pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(str(identity))
    encrypted = pyrage.encrypt(b"x" * 300_000, [identity.to_public()])
    content = {"not a backup": b"hello", "cut short": encrypted[:200_000], "flipped": encrypted[:1000] + b"?" + encrypted[1001:]}[damage]
    file.write_bytes(content)
    status, said = await stack_command("--dir", target, "restore", file, "--identity", tmp_path / "key.txt")
    assert (status, "Traceback" in said) == (1, False), said
    assert str(file) in said
    assert sorted(path.name for path in target.iterdir()) == ["lock"]
