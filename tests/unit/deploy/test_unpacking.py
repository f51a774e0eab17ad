"""Archives are unpacked alike by Python's own filter and without it, as Debian 12's Python has none."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from deploy.unpacking import unpack


@pytest.fixture(params=["with the filter", "without"], autouse=True)
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    elif not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python has no filter")


def archive(*members: tarfile.TarInfo) -> io.BytesIO:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for member in members:
            member.size = 3 if member.isfile() else 0
            tar.addfile(member, io.BytesIO(b"abc") if member.isfile() else None)
    data.seek(0)
    return data


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o640) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode, made.uid, made.uname = kind, link, mode, 4242, "nobody"
    return made


def test_files_and_folders_come_out_as_they_went_in(tmp_path: Path) -> None:
    data = archive(member("keys", tarfile.DIRTYPE, mode=0o700), member("keys/one.pem", mode=0o600), member("run", mode=0o755))
    with tarfile.open(fileobj=data, mode="r|") as tar:
        unpack(tar, tmp_path)
    assert (tmp_path / "keys/one.pem").read_bytes() == b"abc"
    assert ((tmp_path / "keys/one.pem").stat().st_mode & 0o777, (tmp_path / "run").stat().st_mode & 0o777) == (0o600, 0o755)
    assert (tmp_path / "run").stat().st_uid == tmp_path.stat().st_uid


@pytest.mark.parametrize(
    "wrong",
    [
        member("../outside"),
        member("inside/../../outside"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("pipe", tarfile.FIFOTYPE),
        member("disk", tarfile.BLKTYPE),
    ],
    ids=lambda one: one.name,
)
def test_nothing_leads_out_of_the_folder(tmp_path: Path, wrong: tarfile.TarInfo) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with tarfile.open(fileobj=archive(wrong), mode="r|") as tar, pytest.raises(tarfile.TarError):
        unpack(tar, folder)
    assert not list(folder.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
