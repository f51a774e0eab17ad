"""A copy of a running stack's data at one moment."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from deploy.local.config import StackConfig
from deploy.local.errors import PartFailed, StackError
from deploy.local.layout import Layout
from deploy.local.programs.postgres import connect
from deploy.local.programs.postgres_cluster import SUPERUSER, Cluster
from services.files.store import backups
from services.files.store.deletions import held

FORMAT = 1
# Objects that are still being uploaded. rclone renames an object to its name when it is complete, and replaces none in place.
_UNFINISHED = ".rclone_temp"


@dataclass(frozen=True)
class Manifest:
    """The content of an archive."""

    format: int
    created_at: str
    """RFC 3339."""
    postgres_major: int
    """Only this major version of PostgreSQL can open the copy of its cluster."""
    objects: int
    object_bytes: int

    @classmethod
    def read(cls, file: Path) -> Manifest:
        """The manifest in a file. Raises ValueError if it is not one."""
        try:
            return cls(**json.loads(file.read_text()))
        except TypeError as error:
            raise ValueError(f"{file.name} is not a manifest of this version: {error}") from error

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=2) + "\n")


@contextmanager
def workspace(layout: Layout) -> Iterator[Path]:
    """A private folder next to the stack's data, so that objects can be linked into it. It is removed afterwards.

    A second backup waits for the first, whose folder would look abandoned to it.
    """
    with (layout.root / "backup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for abandoned in layout.root.glob("backup-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="backup-", dir=layout.root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


async def take(config: StackConfig, folder: Path) -> Manifest:
    """Fill an empty folder with a copy of the stack's data. Nothing stops meanwhile.

    The databases are copied together, in their state at one moment, when the copy ends. Most objects are linked before, those that have
    come meanwhile afterwards, and deletions wait for that. Objects cost no space, because they are linked.
    """
    objects = folder / "objects"
    objects.mkdir()
    await asyncio.to_thread(link_objects, config.layout.data / "objects", objects)
    connection = await _connected(config, "files")
    try:
        async with held(connection):
            major = await _copy_cluster(config, folder / "postgres")
            await asyncio.to_thread(link_objects, config.layout.data / "objects", objects)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StackError(f"PostgreSQL ended the connection that held deletions back; try again ({error})") from error
    finally:
        await connection.close()
    _copy_stack(config.layout, folder / "stack")
    sizes = [path.stat().st_size for path in objects.rglob("*") if path.is_file()]
    manifest = Manifest(FORMAT, datetime.now(UTC).isoformat(timespec="seconds"), major, len(sizes), sum(sizes))
    manifest.write(folder / "manifest.json")
    return manifest


async def record(config: StackConfig, manifest: Manifest) -> None:
    """Record for the stack's metrics that the backup is complete."""
    connection = await _connected(config, "files")
    try:
        await backups.record(connection, datetime.fromisoformat(manifest.created_at))
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        print(f"warning: the backup is complete, but metrics will not show it: {error}", file=sys.stderr)
    finally:
        await connection.close()


def link_objects(source: Path, target: Path) -> None:
    """Link every complete object below `source` into `target`, unless it is there already."""
    for parent, folders, files in os.walk(source):
        folders[:] = [name for name in folders if not name.startswith(_UNFINISHED)]
        below = target / Path(parent).relative_to(source)
        below.mkdir(exist_ok=True)
        for name in files:
            if name.startswith(_UNFINISHED):
                continue
            try:
                os.link(Path(parent) / name, below / name)
            except (FileExistsError, FileNotFoundError):
                # Linked before, or deleted a moment ago.
                continue


async def _copy_cluster(config: StackConfig, target: Path) -> int:
    connection = await _connected(config, "postgres")
    try:
        major = int(await connection.fetchval("SHOW server_version_num")) // 10_000
    finally:
        await connection.close()
    command = [
        *(str(Cluster(config).binaries / "pg_basebackup"), f"--pgdata={target}", "--format=plain", "--wal-method=stream"),
        *(
            "--manifest-checksums=SHA256",
            "--checkpoint=fast",
            "--no-password",
            f"--username={SUPERUSER}",
            f"--host={config.layout.postgres_sockets}",
        ),
    ]
    environment = {"PGPASSWORD": config.credentials.postgres, "LC_ALL": "C.UTF-8", "PATH": os.defpath}
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise PartFailed("postgres", "pg_basebackup failed", output.decode(errors="replace").splitlines()[-10:])
    return major


async def _connected(config: StackConfig, database: str) -> asyncpg.Connection:
    try:
        return await connect(config, database)
    except OSError as error:
        raise StackError("PostgreSQL does not answer, and only a running stack can be backed up; see `make status`") from error


def _copy_stack(layout: Layout, target: Path) -> None:
    """Keys, passwords, settings and the first key; not the ports, which belong to the machine."""
    target.mkdir()
    shutil.copytree(layout.keys, target / "keys")
    for file in (layout.secrets_file, layout.settings_file, layout.env_file):
        if file.is_file():
            shutil.copy2(file, target)
