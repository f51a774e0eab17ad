"""A stack from a backup."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import tempfile
from pathlib import Path

from deploy.local.assembly import create_stack
from deploy.local.backup import archive
from deploy.local.backup.snapshot import FORMAT, Manifest
from deploy.local.config import StackConfig
from deploy.local.errors import PortTaken, StackError
from deploy.local.layout import Layout
from deploy.local.programs.postgres_cluster import Cluster
from deploy.local.system_user import AS_ROOT, UNPRIVILEGED_USER, run_unprivileged


def restore(directory: Path, source: Path, identity: Path | None, port: int | None) -> Manifest:
    """Make a stack in a folder that has none; nothing is started. Raises StackError, and then leaves no stack.

    The NATS streams are new: the databases hold all that is to be done. An attempt that ran when the backup was made counts as lost, so its
    task runs again, or fails if it was the last.
    """
    layout = Layout.at(directory)
    if layout.exists() or layout.data.exists():
        raise StackError(f"there is already a stack in {layout.root}; restore into another folder with --dir")
    given = archive.identities(identity)
    layout.root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="restore-", dir=layout.root))
    try:
        archive.read(source, folder, given)
        manifest = _checked(source, folder)
        try:
            _move_into_place(folder, layout, port)
        except BaseException:
            layout.delete()
            raise
        return manifest
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _checked(source: Path, folder: Path) -> Manifest:
    try:
        manifest = Manifest.read(folder / "manifest.json")
    except (OSError, ValueError) as error:
        raise StackError(f"{source} is not a backup of Darkroom: {error}") from error
    if manifest.format != FORMAT:
        raise StackError(f"{source} has format {manifest.format}; this version reads format {FORMAT}")
    if damaged := _damaged(folder / "postgres"):
        raise StackError(f"{source} is damaged: {len(damaged)} files of the databases were changed, such as {damaged[0]}")
    return manifest


def _damaged(cluster: Path) -> list[str]:
    """The files of a copied cluster that are missing or changed, by PostgreSQL's backup manifest. (Its own pg_verifybackup crashes in the
    packaged build.)"""
    named = json.loads((cluster / "backup_manifest").read_text())["Files"]
    return [file["Path"] for file in named if "Path" in file and _digest(cluster / file["Path"]) != file["Checksum"]]


def _digest(file: Path) -> str:
    if not file.is_file():
        return ""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _move_into_place(folder: Path, layout: Layout, port: int | None) -> None:
    layout.create()
    for path in (folder / "stack").iterdir():
        if path.is_dir():
            shutil.copytree(path, layout.root / path.name, dirs_exist_ok=True)
        else:
            path.replace(layout.root / path.name)
    (layout.data / "objects").rmdir()
    (folder / "objects").replace(layout.data / "objects")
    # With the passwords that the cluster knows.
    _place_cluster(_config(layout, port), folder / "postgres", Manifest.read(folder / "manifest.json").postgres_major)


def _config(layout: Layout, port: int | None) -> StackConfig:
    try:
        return create_stack(layout.root, port=port).config
    except PortTaken as taken:
        raise PortTaken(taken.problem, "`restore --port …`") from None


def _place_cluster(config: StackConfig, copy: Path, major: int) -> None:
    config.layout.create_transient()
    cluster = Cluster(config)
    cluster.create_home()
    installed = run_unprivileged(cluster.binaries / "postgres", "--version").stdout
    if f" {major}." not in installed:
        raise StackError(f"the backup is of PostgreSQL {major}, and {installed.strip()} is installed")
    shutil.move(copy, cluster.data)
    cluster.data.chmod(0o700)
    if AS_ROOT:
        owner = pwd.getpwnam(UNPRIVILEGED_USER).pw_uid
        for parent, folders, files in os.walk(cluster.data):
            for name in (".", *folders, *files):
                os.chown(Path(parent) / name, owner, -1, follow_symlinks=False)
    config.layout.remove_transient()
