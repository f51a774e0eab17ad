"""The command of the component `backup`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import yaml

from deploy.installation import Installation
from tests.unit.deploy.kubernetes.manifests import FOLDER

MANIFEST = FOLDER / "components" / "backup" / "backup.yaml"


def test_it_makes_a_backup_and_keeps_the_newest(installation: Installation, tmp_path: Path) -> None:
    _, job = yaml.safe_load_all(MANIFEST.read_text())
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    mounted = {one["mountPath"].removeprefix("/installation/"): one for one in container["volumeMounts"]}
    # All that an installation folder needs for a backup, but for the settings, which are variables here.
    assert {path for path in mounted if (installation.folder / path).exists() and path[0] != "/"} == {
        "secrets/accounts",
        "secrets/files",
        "secrets/tasks",
        "trusted-keys.json",
    }
    folder, backups, programs = (tmp_path / name for name in ("installation", "backups", "programs"))
    for one in (folder, backups, programs):
        one.mkdir()
    for day in range(10, 30):
        (backups / f"darkroom-2026-01-{day}T02-30-00.tar.age").touch()
    (programs / "darkroom-admin").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\ntouch "$4"\n')
    (programs / "darkroom-admin").chmod(0o755)
    *shell, script = container["command"]
    script = script.replace("/installation", str(folder)).replace("/backups", str(backups))
    environment = {"PATH": f"{programs}:{os.environ['PATH']}", "RECIPIENT": "age1x", "DARKROOM_S3_BUCKET": "b"}
    subprocess.run([*shell, script], env=environment, check=True)
    called = (tmp_path / "called").read_text().split()
    assert called[:3] == ["--installation", str(folder), "backup"] and called[4:] == ["--recipient", "age1x"]
    assert (folder / "settings.env").read_text() == "DARKROOM_S3_BUCKET=b\n"
    left = sorted(path.name for path in backups.iterdir())
    assert len(left) == 14 and Path(called[3]).name in left and "darkroom-2026-01-16T02-30-00.tar.age" not in left
