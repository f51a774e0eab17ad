"""Saving and running pipelines with the project's own client and in the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from darkroom import AsyncClient, Client, ConnectionFailed, InvalidRequest, NotFound, operations
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.shell import Shell

PICTURE = encoded(disc(160, 120), "PNG")
STEPS = [operations.resize(width=40), operations.convert(format="webp")]
SAVED = ("--step", "resize width=40", "--step", "convert format=webp")
RESULT = "one-40x30.webp"


@pytest.fixture
def shell(stack: StackUnderTest, account: Account, tmp_path: Path) -> Shell:
    """A terminal with pictures in its folder."""
    for name in ("one.png", "two.png", "three.png"):
        (tmp_path / name).write_bytes(PICTURE)
    return Shell(stack, account, tmp_path)


async def saved(shell: Shell, name: str, *steps: str) -> str:
    status, out, err = await shell.run("pipeline", "create", name, *(steps or SAVED), "--json")
    assert status == 0, err
    found: str = json.loads(out)["id"]
    return found


async def test_a_pipeline_and_its_operations_make_the_same(native: AsyncClient, tmp_path: Path) -> None:
    source = tmp_path / "one.png"
    source.write_bytes(PICTURE)
    [pipeline, same] = [await native.pipelines.create("web", STEPS, "For the web", idempotency_key="mine") for _ in range(2)]
    assert (pipeline, list(pipeline.operations)) == (same, STEPS)
    assert [each async for each in native.pipelines.iterate()] == [await native.pipelines.get(pipeline.id)] == [pipeline]
    sent: list[int] = []
    [path] = await native.pipelines.run(pipeline.id, source, tmp_path / "out", on_upload=sent.append, idempotency_key="once")
    assert (path, sum(sent)) == (tmp_path / "out" / RESULT, len(PICTURE))
    assert (Image.open(path).size, Image.open(path).format) == ((40, 30), "WEBP")
    [own] = await native.pipelines.run(STEPS, PICTURE, tmp_path / "out", name="mine.png")
    assert (own.name, own.read_bytes()) == ("mine.webp", path.read_bytes())

    changed = await native.pipelines.update(pipeline.id, "smaller", [operations.resize(width=20)])
    assert (changed.name, len(changed.operations)) == ("smaller", 1)
    # The same call is the same task, as the pipeline was.
    [again] = await native.pipelines.run(pipeline.id, source, tmp_path / "again", idempotency_key="once")
    assert again.read_bytes() == path.read_bytes()
    created = await native.pipelines.run_batch(changed, [source, PICTURE])
    assert (await native.batches.wait(created.batch.id)).counts.succeeded == 2
    assert [list(task.operations) for task in created.tasks] == [[operations.resize(width=20)]] * 2
    await native.pipelines.delete(pipeline.id)
    with pytest.raises(NotFound):
        await native.pipelines.run(pipeline.id, source, tmp_path)
    with pytest.raises(InvalidRequest, match="resize"):
        await native.pipelines.create("wrong", [operations.resize(width=70_000)])


def test_the_blocking_client_runs_them(stack: StackUnderTest, account: Account, tmp_path: Path) -> None:
    with Client(stack.url, account.api_key) as client:
        [path] = client.pipelines.run(STEPS, PICTURE, tmp_path)
        assert Image.open(path).format == "WEBP"
    with Client("http://127.0.0.1:9", "key") as client, pytest.raises(ConnectionFailed):
        client.pipelines.run(STEPS, PICTURE, tmp_path)


async def test_running_one_by_name_and_id(shell: Shell) -> None:
    number = await saved(shell, "web")
    status, out, err = await shell.run("pipeline", "run", "web", "one.png", "two.png", "--parallel", "2")
    assert (status, sorted(out.split())) == (0, [RESULT, "two-40x30.webp"]), err
    assert "2 of 2 done" in err
    # As with any operation, what is done is not done again.
    status, out, err = await shell.run("pipeline", "run", number, "one.png", "--json")
    assert (status, json.loads(out)["outputs"], json.loads(out)["status"]) == (0, [RESULT], "skipped"), err
    status, out, err = await shell.run("pipeline", "run", number, "one.png", "--output", "mine.webp")
    assert (status, out.strip()) == (0, "mine.webp"), err
    shown = (await shell.run("pipeline", "show", "web"))[1]
    assert "resize width=40" in shown
    assert "convert format=webp" in shown
    assert number in (await shell.run("pipeline", "ls"))[1]

    (shell.folder / "saved.json").write_text((await shell.run("pipeline", "show", "web", "--json"))[1])
    assert (await shell.run("pipeline", "create", "copy", "--file", "saved.json"))[0] == 0
    # As it was called before.
    assert (await shell.run("pipeline", "save", "old", 'resize={"width": 640}'))[0] == 0
    assert (await shell.run("pipeline", "rm", "web", "copy", "old"))[0] == 0
    status, _, err = await shell.run("pipeline", "run", "web", "one.png")
    assert (status, "Pipeline web does not exist" in err) == (1, True)


async def test_a_failed_file_does_not_stop_the_others(shell: Shell) -> None:
    await saved(shell, "web")
    (shell.folder / "two.png").write_bytes(b"no picture")
    status, out, err = await shell.run("pipeline", "run", "web", "one.png", "two.png", "three.png", "-p", "1")
    assert (status, out.split()) == (1, [RESULT, "three-40x30.webp"]), err
    assert "two.png" in err
    assert "2 of 3 done, 1 failed" in err


async def test_wrong_usage(shell: Shell) -> None:
    for arguments, problem in (
        (("web", "--step", "resise"), "did you mean resize?"),
        (("web",), "--step"),
        (("web", "--step", "inspect_picture", "--step", "resize width=5"), "step 2: resize takes an image"),
    ):
        status, _, err = await shell.run("pipeline", "create", *arguments)
        assert (status, problem in " ".join(err.split())) == (2, True), err


@pytest.mark.thorough
async def test_wrong_usage_of_run(shell: Shell) -> None:
    numbers = [await saved(shell, "web") for _ in range(2)]
    status, _, err = await shell.run("pipeline", "run", "web", "one.png")
    assert status == 2
    assert all(number in err for number in numbers)
    for arguments in (["none.png"], ["one.png", "two.png", "-o", "x.png"], ["one.png", "-p", "0"], []):
        assert (await shell.run("pipeline", "run", numbers[0], *arguments))[0] == 2
    status, _, err = await shell.run("pipeline", "run", numbers[0], "one.png", DARKROOM_API_KEY="wrong")
    assert status == 4, err
