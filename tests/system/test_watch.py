"""`darkroom watch` as a process of its own, on a folder into which a person puts files."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from darkroom import AsyncClient
from darkroom.tasks.v1 import balance_pb2, task_pb2
from tests.stacks import Account, StackUnderTest
from tests.system.holding import held
from tests.system.pictures import disc, encoded, opened
from tests.system.shell import Shell

_PATIENCE_SECONDS = 90
ARGUMENTS = ("in", "--step", "resize width=16", "--output", "out", "--settle", "0.2", "--json")


@pytest.fixture
def shell(stack: StackUnderTest, account: Account, tmp_path: Path) -> Shell:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/one.png").write_bytes(_picture(1))
    return Shell(stack, account, tmp_path)


def _picture(number: int) -> bytes:
    """A picture that is unlike those of other numbers."""
    picture = disc(32, 16)
    picture.putpixel((0, 0), (number, 0, 0))
    return encoded(picture, "PNG")


class Watch:
    """A running command."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> dict[str, Any]:
        """What it prints next about a file."""
        assert self.process.stdout
        read = await self.process.stdout.readline()
        assert read, (await self.process.stderr.read()).decode() if self.process.stderr else ""
        found: dict[str, Any] = json.loads(read)
        return found

    async def lines(self, number: int) -> dict[str, dict[str, Any]]:
        """The next lines, by the file's name."""
        return {Path(line["input"]).name: line for line in [await self.line() for _ in range(number)]}

    async def end(self) -> int:
        """Interrupt it. Returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode


@asynccontextmanager
async def watching(shell: Shell, *arguments: str) -> AsyncIterator[Watch]:
    process = await shell.start("watch", *arguments)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            yield Watch(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_what_appears_is_done_once_and_what_fails_is_set_aside(shell: Shell, native: AsyncClient) -> None:
    folder = shell.folder
    async with watching(shell, *ARGUMENTS, "--recursive") as watch:
        assert (await watch.line())["outputs"] == ["out/one-16x8.png"]
        (folder / "in/shop").mkdir()
        (folder / "in/shop/.two.png.part").write_bytes(_picture(2))
        (folder / "in/shop/.two.png.part").rename(folder / "in/shop/two.png")
        (folder / "in/bad.png").write_text("no picture")
        (folder / "in/copy of one.png").write_bytes(_picture(1))
        found = await watch.lines(3)
        assert opened((folder / "out/shop/two-16x8.png").read_bytes()).width == 16
        assert (found["copy of one.png"]["status"], found["copy of one.png"]["outputs"]) == ("skipped", ["out/one-16x8.png"])
        assert (found["bad.png"]["status"], found["bad.png"]["reason"]) == ("failed", "MEDIA_UNSUPPORTED")
        # A changed content is another one, and its result takes no other's name.
        (folder / "in/one.png").write_bytes(_picture(1) + b"more")
        assert (await watch.line())["outputs"] == ["out/one-16x8-1.png"]
        status, _, err = await shell.run("watch", *ARGUMENTS, "--recursive")
        assert (status, "another darkroom watch" in err) == (2, True)
        assert await watch.end() == 130
    assert (folder / "out/failed/bad.png").read_text() == "no picture"
    report = json.loads((folder / "out/failed/bad.png.error.json").read_text())
    assert (report["reason"], report["operations"]) == ("MEDIA_UNSUPPORTED", ["resize width=16"])
    assert sorted(path.name for path in (folder / "in").rglob("*.png")) == ["bad.png", "copy of one.png", "one.png", "two.png"]
    # The same as before, by a new process: everything is known.
    (folder / "in/shop/two.png").rename(folder / "in/three.png")
    status, out, err = await shell.run("watch", *ARGUMENTS, "--once", "--recursive")
    assert (status, [json.loads(line)["status"] for line in out.splitlines()]) == (0, ["skipped"]), err
    assert [task.state for task in await native.list_tasks()] == [task_pb2.TASK_STATE_SUCCEEDED] * 3


async def test_a_killed_watch_goes_on_with_the_task_that_it_has_paid_for(
    shell: Shell, native: AsyncClient, stack: StackUnderTest, account: Account
) -> None:
    state = shell.folder / "out/.darkroom-watch/state.sqlite3"
    async with held(stack, account):
        async with watching(shell, *ARGUMENTS) as watch:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not await native.list_tasks():
                    await asyncio.sleep(0.05)
            watch.process.kill()
            await watch.process.communicate()
        [task] = await native.list_tasks()
        # As if it had been killed before it heard of its task, of which nothing is left but the idempotency key.
        with sqlite3.connect(state) as database:
            database.execute("UPDATE work SET task_id = NULL")
        database.close()
    async with watching(shell, *ARGUMENTS) as watch:
        line = await watch.line()
        assert (line["status"], line["task_id"]) == ("done", str(task.id))
        # Killed when it has a result, but neither moved it nor noted that.
        watch.process.kill()
        await watch.process.communicate()
    with sqlite3.connect(state) as database:
        database.execute("UPDATE work SET outputs = NULL")
    database.close()
    (shell.folder / "out/one-16x8.png").unlink()
    (shell.folder / "in/one.png").unlink()
    status, out, err = await shell.run("watch", *ARGUMENTS, "--once")
    assert (status, json.loads(out)["outputs"]) == (0, ["out/one-16x8.png"]), err
    assert [path.name for path in (shell.folder / "out").iterdir() if path.name != ".darkroom-watch"] == ["one-16x8.png"]
    assert [each.id for each in await native.list_tasks()] == [task.id]
    charges = [entry for entry in await native.list_ledger(10) if entry.kind == balance_pb2.LEDGER_KIND_SETTLE]
    assert [(entry.task_id, entry.amount_millicredits) for entry in charges] == [(task.id, task.price.millicredits)]


async def test_a_pipeline_by_name_polls_and_leaves_what_was_there(shell: Shell) -> None:
    assert (await shell.run("pipeline", "create", "web", "--step", "resize width=16", "--step", "convert format=webp"))[0] == 0
    arguments = ("in", "--pipeline", "web", "--output", "in/out", "-r", "--new-only", "--poll", "0.2", "--settle", "0.2", "--json")
    async with watching(shell, *arguments) as watch:
        assert watch.process.stderr
        assert "0 files to do" in json.loads(await watch.process.stderr.readline())["note"]
        (shell.folder / "in/two.png").write_bytes(_picture(2))
        assert (await watch.line())["outputs"] == ["in/out/two-16x8.webp"]
        assert await watch.end() == 130
    for wrong, told in (
        (("--pipeline", "no"), "Pipeline no does not exist"),
        (("--step", "resize width=0", "--pipeline", "web"), "--pipeline, or"),
        (("--step", "gpt-image-2 prompt=x", "--output", "in"), "is the folder that is watched"),
    ):
        status, _, err = await shell.run("watch", "in", "--output", "out", *wrong)
        assert status in (1, 2)
        assert told in " ".join(err.split())
