"""A backup of a stack that works, and what a stack made from it does."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pyrage
import pytest

from darkroom import AsyncClient
from darkroom.operations.v1 import noop_pb2, operation_pb2, remove_pdf_watermark_pb2
from darkroom.tasks.v1 import balance_pb2, task_pb2
from deploy.local.commands import main
from services.platform.clock import system_clock
from services.platform.database import open_database
from services.tasks.domain.credits.ledger import Ledger
from services.tasks.model.records import CreditTerms
from services.tasks.store.ledger import LedgerStore
from tests.component.tasks.receiver import Receiver, documented_verify
from tests.stacks import Account, StackUnderTest
from tests.system.holding import held, released

# It costs credits, and needs no models.
CLEAN = operation_pb2.Operation(remove_pdf_watermark=remove_pdf_watermark_pb2.RemovePdfWatermark())
LONG = operation_pb2.Operation(noop=noop_pb2.Noop(steps=600, step_milliseconds=100))
CREDITS, PRICE = 100_000, 4_000

Command = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `python -m deploy.local ARGUMENTS`, without the start of a process; returns its exit status and what it printed."""

    async def run(*arguments: str | Path) -> tuple[int, str]:
        capsys.readouterr()
        status = await asyncio.to_thread(main, [str(argument) for argument in arguments])
        return status, "".join(capsys.readouterr())

    return run


@pytest.fixture
def elsewhere() -> Iterator[StackUnderTest]:
    """Another folder, without a stack yet."""
    other = StackUnderTest()
    other.dir.rmdir()
    yield other
    other.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        yield running


async def charge(stack: StackUnderTest, account: Account) -> None:
    """Give an account credits, without which it may do nothing from now on."""
    async with open_database(stack.database_url("tasks"), pool=1) as database:
        ledger = Ledger(LedgerStore(database), CreditTerms(unlimited=True, multiplier_permille=1_000), system_clock)
        await ledger.set_terms(int(account.id), unlimited=False, multiplier_permille=None)
        await ledger.grant(int(account.id), amount_millicredits=CREDITS, note="", reference=None)


def start_without_models(stack: StackUnderTest) -> None:
    """Start what accepts and runs tasks that need no models: neither Triton, which is the slowest to start, nor the gateway."""
    with (stack.dir / "settings.env").open("a") as settings:
        settings.write("DARKROOM_LANES='document=1,system=8'\n")
    stack.up(("accounts", "files", "tasks", "inference"))
    stack.start("envoy")


async def test_a_stack_restored_elsewhere_finishes_what_was_open_and_charges_nothing_twice(
    stack: StackUnderTest,
    account: Account,
    native: AsyncClient,
    elsewhere: StackUnderTest,
    receiver: Receiver,
    report: bytes,
    command: Command,
    tmp_path: Path,
) -> None:
    backup, key, identity = tmp_path / "backup.tar.age", tmp_path / "key.txt", pyrage.x25519.Identity.generate()
    key.write_text(f"# a comment\n{identity}\n")
    await charge(stack, account)
    _, secret = await native.webhooks.create(receiver.url, event_types=["task.succeeded"])
    document = (await native.upload(report)).id
    done = await native.wait((await native.create_task([document], [CLEAN], idempotency_key="first")).id)
    result = await native.read(done.output_file_ids[0])
    await receiver.received(1)
    other = await asyncio.to_thread(stack.create_account, "other")
    async with AsyncClient(stack.url, other.api_key) as busy:
        running = await busy.create_task([], [LONG])
        async with held(stack, account):
            queued = [await native.create_task([document], [CLEAN]) for _ in range(2)]
            async for event in busy.watch(running.id):
                if event.state == task_pb2.TASK_STATE_RUNNING:
                    break
            status, said = await command("--dir", stack.dir, "backup", backup, "--recipient", identity.to_public())
            assert status == 0, said
            assert "metrics will not show it" not in said
            # Here they do not run.
            for task in queued:
                await native.cancel_task(task.id)
        # The stack itself goes on.
        assert (await busy.get_task(running.id)).attempt == 1
        await busy.cancel_task(running.id)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert not list(stack.dir.glob("backup-*"))
    # Whatever is deleted here later is in the backup.
    await native.delete_file(document)

    status, said = await command("--dir", elsewhere.dir, "restore", backup)
    assert (status, "--identity" in said) == (1, True)
    status, said = await command("--dir", elsewhere.dir, "restore", backup, "--identity", key, "--port", "0")
    assert status == 0, said
    await asyncio.to_thread(start_without_models, elsewhere)
    async with AsyncClient(elsewhere.url, account.api_key) as there, AsyncClient(elsewhere.url, other.api_key) as busy:
        assert [task.state for task in await there.list_tasks() if task.id in {each.id for each in queued}] == [
            task_pb2.TASK_STATE_QUEUED
        ] * 2
        assert await there.read(done.output_file_ids[0]) == result
        assert (await there.create_task([document], [CLEAN], idempotency_key="first")).id == done.id
        await released(elsewhere, account)
        for task in queued:
            assert (await there.wait(task.id)).price.charged_millicredits == PRICE
        async for event in busy.watch(running.id):
            if event.attempt == 2:
                break
        await busy.cancel_task(running.id)
        balance = await there.balance()
        assert (balance.available_millicredits, balance.reserved_millicredits) == (CREDITS - 3 * PRICE, 0)
        settled = [entry.task_id for entry in await there.list_ledger() if entry.kind == balance_pb2.LEDGER_KIND_SETTLE]
        assert sorted(settled) == sorted([done.id, *(task.id for task in queued)])
        # By the webhook, and with the secret, that the account had.
        delivered = await receiver.received(3)
        assert {json.loads(request.body)["data"]["id"] for request in delivered} == {str(task.id) for task in (done, *queued)}
        assert all(documented_verify()(request.headers, request.body, secret) for request in delivered)
    status, said = await command("--dir", elsewhere.dir, "restore", backup, "--identity", key)
    assert (status, "there is already a stack in" in said) == (1, True)


@pytest.mark.parametrize("damage", ["not a backup", "cut short", "flipped"])
async def test_what_is_no_backup_makes_no_stack(damage: str, command: Command, tmp_path: Path) -> None:
    target, file, key, identity = tmp_path / "stack", tmp_path / "file", tmp_path / "key.txt", pyrage.x25519.Identity.generate()
    key.write_text(str(identity))
    encrypted = pyrage.encrypt(b"x" * 300_000, [identity.to_public()])
    content = {"not a backup": b"hello", "cut short": encrypted[:200_000], "flipped": encrypted[:1000] + b"?" + encrypted[1001:]}[damage]
    file.write_bytes(content)
    status, said = await command("--dir", target, "restore", file, "--identity", key)
    assert status == 1, said
    assert str(file) in said
    assert sorted(path.name for path in target.iterdir()) == ["lock"]
