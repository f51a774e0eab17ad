"""The archive of `darkroom-admin backup`: what is not whole is refused, and the installation folder comes out of it."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import pyrage
import pytest

from deploy.admin.backup import members
from deploy.admin.backup.members import Reader, Writer, as_json
from deploy.admin.commands import main
from deploy.local.backup import archive
from deploy.local.errors import StackError

FOLDER = {"settings.env": b"A=b\n", "secrets/tasks/webhook-secrets.key": b"secret\n", "tls/tasks/tls.key": b"key\n"}


def written(contents: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    writer = Writer(out)
    writer.add(members.HEAD, as_json({"format": members.FORMAT}))
    for name, content in contents.items():
        writer.add(name, content, "image/png")
    writer.end({"objects": 1})
    return out.getvalue()


WHOLE = written({"objects/files/1/2-ü": b"x" * 70_000, "rows/files/file/000000": b"1\t2\n"})


def test_members_come_as_they_went() -> None:
    reader = Reader(io.BytesIO(WHOLE), "it")
    assert [(one.name, one.media_type, len(one.read())) for one in reader] == [
        ("objects/files/1/2-ü", "image/png", 70_000),
        ("rows/files/file/000000", "image/png", 4),
    ]
    assert reader.manifest["objects"] == 1
    # What is skipped counts as well.
    assert len(list(Reader(io.BytesIO(WHOLE), "it"))) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (WHOLE.replace(b"xxxx", b"xxyx", 1), "damaged"),
        (WHOLE[: WHOLE.index(b"manifest.json")], "cut short"),
        (WHOLE.replace(b'"format": 1', b'"format": 2'), "has format 2"),
        (written({})[1536:], "not a backup"),
    ],
    ids=["changed", "cut short", "of a later format", "another archive"],
)
def test_what_is_not_whole_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "backup"
    file.write_bytes(content)
    with pytest.raises(StackError, match=said), archive.reading(file, []) as opened:
        list(Reader(opened, str(file)))


def test_the_installation_folder_comes_out_closed_to_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, key, identity = tmp_path / "backup", tmp_path / "key", pyrage.x25519.Identity.generate()
    key.write_text(str(identity))
    file.write_bytes(pyrage.encrypt(written({f"installation/{name}": content for name, content in FOLDER.items()}), [identity.to_public()]))
    folder = tmp_path / "new" / "installation"
    assert main(["restore-folder", str(file), str(folder)]) == 2
    assert "--identity" in capsys.readouterr().err
    assert main(["restore-folder", str(file), str(folder), "--identity", str(key)]) == 0
    assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == FOLDER
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert modes == {0o700, 0o600}
    assert main(["restore-folder", str(file), str(folder), "--identity", str(key)]) == 2
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside"])
def test_nothing_is_written_outside_of_the_folder(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "backup"
    file.write_bytes(written({f"installation/{name}": b"x"}))
    assert main(["restore-folder", str(file), str(tmp_path / "folder")]) == 2
    assert "damaged" in capsys.readouterr().err
    assert not (tmp_path / "outside").exists()


def test_one_service_alone_is_no_deployment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", str(tmp_path / "file")]) == 2
    assert "--installation" in capsys.readouterr().err
    assert not (tmp_path / "file").exists()
