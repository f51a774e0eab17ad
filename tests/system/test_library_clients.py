"""The library through the native API: the project's own client, and its command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from darkroom import AsyncClient, NotFound, operations
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded
from tests.system.shell import Shell

PICTURE = encoded(disc(64, 48), "PNG")


@pytest.fixture
def shell(stack: StackUnderTest, account: Account, tmp_path: Path) -> Shell:
    (tmp_path / "one.png").write_bytes(PICTURE)
    return Shell(stack, account, tmp_path)


async def test_the_library_of_the_client(native: AsyncClient, tmp_path: Path) -> None:
    library = native.library
    upload = await native.upload(PICTURE, name="photo.png")
    first = await library.add(upload.id, "kept.png")
    assert (first.name, first.version, first.image.width, first.owner_id) == ("kept.png", 1, 64, "")
    with pytest.raises(NotFound):
        await native.get_file(upload.id)

    copy = await library.copy(first.id)
    assert copy.name == "kept.png"
    task = await native.wait((await native.create_task([copy.id], [operations.rotate(angle=90)])).id)
    result = task.output_file_ids[0]
    second = await library.add(result, "turned.png", parent_id=first.id, tool="rotate")
    assert (second.version, second.parent_id, list(second.tools)) == (2, first.id, ["rotate"])
    await native.delete_file(result)

    assert list((await library.get(first.id)).versions) == [first, second]
    assert [file.id for file in await library.list(search="kept")] == []
    assert [file.id async for file in library.iterate()] == [second.id]
    assert await library.read(first.id) == PICTURE
    assert (await library.thumbnail(first.id)).startswith(b"\xff\xd8")
    path = await library.download(second.id, tmp_path / "made", name="turned.png")
    assert path == tmp_path / "made" / "turned.png"
    assert await library.read(second.id) == path.read_bytes()
    assert await library.delete([second.id, "nonsense"]) == 2
    for call in (library.get(first.id), library.copy(first.id), library.read(second.id), library.add(copy.id, parent_id=first.id)):
        with pytest.raises(NotFound):
            await call


async def test_a_repeated_call_adds_nothing(native: AsyncClient) -> None:
    upload = await native.upload(PICTURE, name="photo.png")
    added = [await native.library.add(upload.id, idempotency_key="mine") for _ in range(2)]
    assert added[0] == added[1]
    copies = [await native.library.copy(added[0].id, idempotency_key="mine") for _ in range(2)]
    assert copies[0].id == copies[1].id
    assert len(await native.library.list()) == 1


async def test_the_library_of_the_command(shell: Shell) -> None:
    status, out, err = await shell.run("library", "add", "one.png")
    assert status == 0, err
    first, name = out.split()
    assert name == "one.png"
    status, out, err = await shell.run("library", "add", "one.png", "--parent", first, "--tool", "crop", "--json")
    assert status == 0, err
    second = json.loads(out)
    assert (second["version"], second["tools"]) == (2, ["crop"])
    assert [json.loads(line)["id"] for line in (await shell.run("library", "show", first, "--json"))[1].splitlines()] == [
        first,
        second["id"],
    ]
    listed = (await shell.run("library", "ls", "--search", "ONE"))[1]
    assert second["id"] in listed
    assert first not in listed
    status, out, err = await shell.run("library", "get", second["id"], "--output", "again/copy.png")
    assert (status, out.strip()) == (0, "again/copy.png"), err
    assert (shell.folder / "again/copy.png").read_bytes() == PICTURE
    assert (await shell.run("library", "rm", second["id"]))[:2] == (0, "")
    assert (await shell.run("library", "show", first))[0] == 1
