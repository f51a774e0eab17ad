"""Names that file systems, terminals and browsers stumble over, through every surface; many in each call."""

from __future__ import annotations

import zipfile
from pathlib import Path
from unicodedata import normalize

import httpx

from darkroom import AsyncClient, PictureUrls
from darkroom.operations.v1 import archive_pb2, operation_pb2
from tests.reported_files.names import LOCAL_NAMES, REFUSED_NAMES, UPLOAD_NAMES, is_a_device, is_safe, offered_names
from tests.stacks import Account, StackUnderTest
from tests.system.pictures import disc, encoded, opened
from tests.system.pilio import Pilio
from tests.system.shell import Shell
from tests.system.snapotter import SnapOtter
from tests.system.snapotter_batches import archive, batch
from tests.system.test_forms import send

PNG = encoded(disc(40, 30), "PNG")


def _unpacked(packed: zipfile.ZipFile, folder: Path) -> list[str]:
    """The names of the files that an archive becomes on disk, all of them pictures."""
    names = packed.namelist()
    assert [name for name in names if not is_safe(name) or is_a_device(name)] == []
    packed.extractall(folder)
    found = sorted(path.name for path in folder.iterdir())
    assert found == sorted(names)
    assert all(opened((folder / name).read_bytes()).size in ((40, 30), (20, 15)) for name in found)
    return [normalize("NFC", name) for name in names]


async def test_uploads_keep_their_names(pilio: Pilio, native: AsyncClient, tmp_path: Path) -> None:
    ids = [int(await pilio.upload(name, PNG)) for name in UPLOAD_NAMES]
    for name, offered in zip(UPLOAD_NAMES, await native.download_urls(ids), strict=True):
        reply = await pilio.http.get(offered.url)
        assert reply.status_code == 200
        # The reader drops spaces around it.
        assert normalize("NFC", offered_names(reply.headers["content-disposition"])[1]) == normalize("NFC", name).strip()
    packed = await native.create_task([*ids, ids[0]], [operation_pb2.Operation(archive=archive_pb2.Archive(name="all"))])
    ended = await native.wait(packed.id)
    path = tmp_path / "all.zip"
    path.write_bytes(await native.read(ended.output_file_ids[0]))
    with zipfile.ZipFile(path) as found:
        names = _unpacked(found, tmp_path / "unpacked")
    assert len({name.casefold() for name in names}) == len(UPLOAD_NAMES) + 1


async def test_uploads_that_would_mislead_are_refused(pilio: Pilio) -> None:
    for name in REFUSED_NAMES:
        file = {"nanoid": "a" * 21, "name": name, "type": "png", "size": len(PNG)}
        reply = await pilio.post("/v1/files/batch-create", {"files": [file], "upload_mode": "simple"})
        assert (reply.status_code, reply.json()["data"]["field"]) == (400, "files[0].name"), reply.text


async def test_forms_make_of_every_name_one_that_is_safe(pilio: Pilio) -> None:
    for name in (*UPLOAD_NAMES, *REFUSED_NAMES, *LOCAL_NAMES):
        if '"' in name or "\n" in name:
            continue
        task = (await send(pilio, "/v1/images/resize?wait=10", ("file", PNG, name), ("width", "20"))).json()["data"]
        assert (await pilio.finish(task["task_id"]))["status"] == "Succeeded"
        [made] = (await pilio.get(f"/v1/tasks/{task['task_id']}/result")).json()["data"]["files"]
        assert is_safe(made["name"]) and made["name"].endswith("-20x15.png"), made


async def test_batches_of_tools_have_names_that_can_be_unpacked(admin: SnapOtter, tmp_path: Path) -> None:
    names = [name for name in (*UPLOAD_NAMES, *LOCAL_NAMES, "same.png", "same.png") if '"' not in name and "\n" not in name]
    packed = archive(await batch(admin, "resize", [(name, PNG) for name in names], {"width": 20}))
    assert len(_unpacked(packed.zip, tmp_path)) == len(names)
    assert sorted(packed.results.values()) == sorted(packed.names)


async def test_pictures_by_url_are_shown_under_their_names(native: AsyncClient, stack: StackUnderTest) -> None:
    key, secret = await native.picture_keys.create("names")
    urls = PictureUrls(stack.url, key.id, secret)
    async with httpx.AsyncClient(timeout=60) as http:
        for name in UPLOAD_NAMES[:4]:
            file = await native.upload(PNG, name=name, permanent=True)
            reply = await http.get(urls.url(file.id, "resize:width=20"))
            disposition = reply.headers["content-disposition"]
            assert reply.status_code == 200 and disposition.startswith("inline; ")
            assert is_safe(offered_names(disposition.replace("inline", "attachment", 1))[1])


async def test_the_command_line(stack: StackUnderTest, account: Account, tmp_path: Path) -> None:
    shell = Shell(stack, account, tmp_path)
    for name in LOCAL_NAMES:
        (tmp_path / name).write_bytes(PNG)
    status, out, err = await shell.run("resize", "--width", "20", "--output", "made", "--", *LOCAL_NAMES)
    assert status == 0, out + err
    made = list((tmp_path / "made").iterdir())
    assert len(made) == len(LOCAL_NAMES)
    assert all(is_safe(path.name) and opened(path.read_bytes()).size == (20, 15) for path in made)
    (tmp_path / "\x1b[31mred\u202e.txt").write_bytes(b"no picture")
    status, out, err = await shell.run("resize", "--width", "20", "--", "-rf.png", "\x1b[31mred\u202e.txt")
    assert status == 1 and "\x1b[31m" not in out + err and "\u202e" not in out + err, (out, err)
