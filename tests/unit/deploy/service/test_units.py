"""The units of systemd, as systemd itself reads them."""

from __future__ import annotations

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from deploy.service.errors import ServiceError
from deploy.service.units import Units


def parsed(text: str) -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string(text)
    return parser


@pytest.fixture
def units(tmp_path: Path) -> Units:
    return Units(tmp_path / "stack", "daemon", backups=Path("/mnt/backups"), folder=tmp_path / "units")


def test_the_service_survives_what_a_machine_does(units: Units) -> None:
    service = parsed(units.texts()["darkroom.service"])["Service"]
    assert service["User"] == "daemon"
    assert service["Restart"] == "on-failure"
    # A start that fails for one part, such as a bad model, leaves the others at work until the next.
    assert service["KillMode"] == "process"
    # One part that is killed for lack of memory does not take the others with it.
    assert service["OOMPolicy"] == "continue"
    assert service["ExecStart"].endswith(f'up "DIR={units.stack}"')
    assert service["ExecStop"].endswith(f'--dir "{units.stack}" down')


def test_backups_have_a_timer_only_if_they_are_made(units: Units, tmp_path: Path) -> None:
    assert {"darkroom-backup.service", "darkroom-backup.timer"} <= units.texts().keys()
    # Nothing is written to the empty folder of a disk that is not mounted.
    assert parsed(units.texts()["darkroom-backup.service"])["Unit"]["RequiresMountsFor"] == '"/mnt/backups"'
    without = Units(tmp_path, "daemon", backups=None).texts()
    assert set(without) == {"darkroom.service", "darkroom-look.service", "darkroom-look.timer"}


def test_a_service_of_a_user_names_none(tmp_path: Path) -> None:
    texts = Units(tmp_path, "", backups=Path("/mnt/backups")).texts()
    assert all("User=" not in text for text in texts.values())
    assert parsed(texts["darkroom.service"])["Install"]["WantedBy"] == "default.target"


def test_they_are_written_and_removed(units: Units) -> None:
    units.install()
    assert {path.name for path in units.place.iterdir()} == set(units.texts())
    units.remove()
    assert not list(units.place.iterdir())
    # Not "it is no service any more" to a user, of units that only root can remove.
    with pytest.raises(ServiceError, match="no units"):
        units.remove()


@pytest.mark.parametrize("name", ["50%", 'a"b', "a\\b", "with space", "a$b"])
def test_folders_that_units_cannot_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(ServiceError, match="cannot name a folder"):
        Units(tmp_path / name, "daemon", backups=None).texts()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_has_nothing_to_say_against_them(tmp_path: Path) -> None:
    units = Units(tmp_path / "stack", "daemon", backups=Path("/mnt/backups"), folder=tmp_path / "units", root=tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/true")
    units.install()
    files = sorted(map(str, units.place.iterdir()))
    found = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)
    said = [line for line in (found.stdout + found.stderr).splitlines() if "darkroom" in line]
    assert not said
