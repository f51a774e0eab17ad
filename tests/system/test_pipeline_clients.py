"""Running pipelines with the project's own client and in the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from darkroom import AsyncClient, Client, ConnectionFailed, InvalidRequest, NotFound, Unauthenticated
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.shell import Shell
from tests.system.snapotter import SnapOtter, new_name

PICTURE = encoded(disc(160, 120), "PNG")
STEPS: list[tuple[str, dict[str, object]]] = [("resize", {"width": 40}), ("convert", {"format": "webp"})]
SAVED = ('resize={"width": 40}', 'convert={"format": "webp"}')


@pytest.fixture
def shell(stack: StackUnderTest, person: SnapOtter, tmp_path: Path) -> Shell:
    """A terminal of somebody, with pictures in its folder."""
    for name in ("one.png", "two.png", "three.png"):
        (tmp_path / name).write_bytes(PICTURE)
    return Shell(stack, Account("", person.token), tmp_path)


async def saved(shell: Shell, name: str, *steps: str) -> str:
    status, out, err = await shell.run("pipeline", "save", name, *(steps or SAVED), "--json")
    assert status == 0, err
    found: str = json.loads(out)["id"]
    return found


async def test_a_pipeline_and_steps_make_the_same(stack: StackUnderTest, person: SnapOtter, tmp_path: Path) -> None:
    source = tmp_path / 'a "b" é.png'
    source.write_bytes(PICTURE)
    async with AsyncClient(stack.url, person.token) as client:
        pipeline = await client.pipelines.create("web", STEPS)
        sent: list[int] = []
        received: list[int] = []
        made = await client.pipelines.run(pipeline.id, source, tmp_path / "out", on_upload=sent.append, on_download=received.append)
        assert (made.path.parent, made.path.suffix, made.size_bytes) == (tmp_path / "out", ".webp", made.path.stat().st_size)
        assert [step.tool_id for step in made.steps] == ["resize", "convert"]
        assert made.steps[-1].size_bytes == made.size_bytes
        assert (sum(sent), sum(received)) == (len(PICTURE), made.size_bytes)
        assert Image.open(made.path).size == (40, 30)
        again = await client.pipelines.run(STEPS, PICTURE, tmp_path / "out", name="mine.png")
        assert (again.name, again.path.read_bytes()) == ("mine.webp", made.path.read_bytes())


async def test_the_picture_is_never_replaced(stack: StackUnderTest, person: SnapOtter, tmp_path: Path) -> None:
    source = tmp_path / "one.png"
    source.write_bytes(PICTURE)
    async with AsyncClient(stack.url, person.token) as client:
        made = [await client.pipelines.run(STEPS[:1], source, tmp_path, overwrite=overwrite) for overwrite in (False, True)]
        assert ([each.name for each in made], source.read_bytes()) == (["one-1.png", "one-2.png"], PICTURE)
        target = tmp_path / "out"
        made = [await client.pipelines.run(STEPS[:1], source, target, overwrite=True) for _ in range(2)]
        assert [each.name for each in made] == ["one.png", "one.png"]


async def test_refused_runs(stack: StackUnderTest, person: SnapOtter, tmp_path: Path) -> None:
    outside: tuple[str, dict[str, object]] = ("crop", {"left": 0, "top": 0, "width": 5000, "height": 10})
    async with AsyncClient(stack.url, person.token) as client:
        with pytest.raises(InvalidRequest, match=r"^Step 1 \(resize\)") as refused:
            await client.pipelines.run([("resize", {"width": -1})], PICTURE, tmp_path)
        assert json.loads(refused.value.metadata["details"])[0]["path"] == "width"
        with pytest.raises(InvalidRequest, match=r"^Step 2 \(crop\)") as failed:
            await client.pipelines.run([STEPS[0], outside], PICTURE, tmp_path)
        assert json.loads(failed.value.metadata["completed_steps"])
        with pytest.raises(InvalidRequest):
            await client.pipelines.run(STEPS, b"\x89PNG, not really", tmp_path)
        with pytest.raises(InvalidRequest):
            await client.pipelines.run([], PICTURE, tmp_path)
        with pytest.raises(NotFound):
            await client.pipelines.run(new_name(), PICTURE, tmp_path)
        with pytest.raises(ValueError, match="URL"):
            await client.pipelines.run(STEPS, "https://example.com/a.png", tmp_path)
        with pytest.raises(FileNotFoundError):
            await client.pipelines.run(STEPS, tmp_path / "none.png", tmp_path)
    async with AsyncClient(stack.url, "wrong") as nobody:
        with pytest.raises(Unauthenticated):
            await nobody.pipelines.run(STEPS, PICTURE, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_blocking_client_runs_them(stack: StackUnderTest, person: SnapOtter, tmp_path: Path) -> None:
    with Client(stack.url, person.token) as client:
        assert Image.open(client.pipelines.run(STEPS, PICTURE, tmp_path).path).format == "WEBP"
    with Client("http://127.0.0.1:9", "key") as client, pytest.raises(ConnectionFailed):
        client.pipelines.run(STEPS, PICTURE, tmp_path)


async def test_running_one_by_name_and_id(shell: Shell) -> None:
    number = await saved(shell, "web")
    status, out, err = await shell.run("pipeline", "run", "web", "one.png", "two.png", "--parallel", "2")
    assert (status, sorted(out.split())) == (0, ["one.webp", "two.webp"]), err
    assert "2 of 2 done" in err
    status, out, err = await shell.run("pipeline", "run", number, "one.png", "--json", "-o", "out")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert (told["status"], told["outputs"], told["error"]) == ("done", ["out/one.webp"], None)
    assert (await shell.run("pipeline", "run", number, "one.png", "-o", "out/mine.jpg"))[1].strip() == "out/mine.webp"
    assert (await shell.run("pipeline", "run", number, "one.png", "-o", "out"))[1].strip() == "out/one-1.webp"
    assert (await shell.run("pipeline", "run", number, "one.png", "-o", "out", "--overwrite"))[1].strip() == "out/one.webp"


async def test_a_failed_file_does_not_stop_the_others(shell: Shell) -> None:
    await saved(shell, "web")
    (shell.folder / "two.png").write_bytes(b"no picture")
    status, out, err = await shell.run("pipeline", "run", "web", "one.png", "two.png", "three.png", "-p", "1")
    assert (status, out.split()) == (1, ["one.webp", "three.webp"]), err
    assert "two.png" in err
    assert "2 of 3 done, 1 failed" in err
    status, out, _ = await shell.run("pipeline", "run", "web", "one.png", "two.png", "--json")
    told = {each["input"]: each for each in map(json.loads, out.splitlines())}
    assert (status, told["one.png"]["status"], told["two.png"]["status"]) == (1, "done", "failed")
    assert told["two.png"]["error"]


@pytest.mark.thorough
async def test_wrong_usage_of_run(shell: Shell) -> None:
    status, _, err = await shell.run("pipeline", "run", "web", "one.png")
    assert (status, "Pipeline web does not exist" in err) == (1, True)
    numbers = [await saved(shell, "web") for _ in range(2)]
    status, _, err = await shell.run("pipeline", "run", "web", "one.png")
    assert status == 2
    assert all(number in err for number in numbers)
    for arguments in (["none.png"], ["https://example.com/a.png"], ["one.png", "two.png", "-o", "x.png"], ["one.png", "-p", "0"], []):
        assert (await shell.run("pipeline", "run", numbers[0], *arguments))[0] == 2
    status, _, err = await shell.run("pipeline", "run", numbers[0], "one.png", DARKROOM_API_KEY="wrong")
    assert status == 4, err
