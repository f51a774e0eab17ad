"""Backups of one stack take turns, and say what stops them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from deploy.local import commands
from deploy.local.assembly import create_stack
from deploy.local.backup import snapshot
from deploy.local.layout import Layout


def test_a_second_backup_leaves_the_first_ones_folder_alone(tmp_path: Path) -> None:
    layout = Layout.at(tmp_path)
    begun = threading.Event()

    def second() -> None:
        with snapshot.workspace(layout):
            begun.set()

    (tmp_path / "backup-abandoned").mkdir()
    other = threading.Thread(target=second)
    with snapshot.workspace(layout) as folder:
        other.start()
        assert not begun.wait(0.3)
        assert [path.name for path in tmp_path.glob("backup-*")] == [folder.name]
    assert begun.wait(10)
    other.join()
    assert not list(tmp_path.glob("backup-*"))


def test_a_stack_that_is_down_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create_stack(tmp_path / "stack", port=0)
    assert commands.main(["--dir", str(tmp_path / "stack"), "backup", str(tmp_path / "a.tar")]) == 1
    assert "PostgreSQL does not answer" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def taken(_config: object, _folder: Path) -> snapshot.Manifest:
        return snapshot.Manifest(1, "", 18, 0, 0)

    monkeypatch.setattr(snapshot, "take", taken)
    create_stack(tmp_path / "stack", port=0)
    file = tmp_path / "missing" / "a.tar"
    assert commands.main(["--dir", str(tmp_path / "stack"), "backup", str(file)]) == 1
    assert capsys.readouterr().err == f"{file} cannot be written: No such file or directory\n"
