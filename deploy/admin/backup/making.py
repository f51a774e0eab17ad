"""Making a backup of a deployment that runs. Nothing stops; deletions of objects wait while the last objects are copied."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from deploy.admin.backup import members, rows
from deploy.admin.backup.bucket import Bucket, open_bucket
from deploy.admin.backup.members import INSTALLATION, MOMENT, OBJECTS, ROWS, Writer, as_json
from deploy.admin.backup.moment import deletions_held, one_moment
from deploy.admin.backup.places import FILES, Places
from deploy.admin.checks.connecting import Unreachable
from deploy.admin.checks.postgres_connection import connected_to_primary
from deploy.installation import Installation
from edge.topology import DATABASES
from services.files.store import backups

NEEDED = "state = 'ready' OR (pins > 0 AND etag IS NOT NULL)"
"""The files whose objects must be there: those that were accepted and are not deleted, or that an open task still needs."""
_NEEDED = f'SELECT object_key, size_bytes FROM file WHERE {NEEDED} ORDER BY object_key COLLATE "C"'  # noqa: S608 - a constant
# An upload whose bytes may have arrived without having been accepted.
_ARRIVING = "SELECT object_key, size_bytes FROM file WHERE state = 'pending' AND upload_id IS NULL"
_LATE_SECONDS = (0.0, 1.0, 5.0)
_SHOWN = 5
_KEEP_ELSEWHERE = {
    "tls/authority": "the key that signs certificates, without which every part gets a new certificate of a new authority",
    "secrets/tasks/webhook-secrets.key": "the key that the secrets of webhooks are encrypted with, without which no webhook can be signed",
    "secrets/accounts/signing-key.pem": "the services' signing keys, which new ones can take the place of",
}
"""By a path of the installation folder: the loss of it."""


async def make(places: Places, installation: Installation | None, writer: Writer) -> Mapping[str, Any]:
    """Write a backup; returns its manifest."""
    began = datetime.now(UTC)
    head = {"format": members.FORMAT, "created_at": began.isoformat(timespec="seconds"), "services": list(DATABASES)}
    writer.add(members.HEAD, as_json(head))
    included = _add_installation(installation, writer)
    made: dict[str, int] = {}
    async with open_bucket(places.bucket) as bucket:
        await _copy(bucket, await _keys_now(places), made, writer)
        before = len(made)
        async with deletions_held(places.databases[FILES]):
            moment, counts, needed, arriving = await _rows(places, writer)
            missing = await _copy_late(bucket, {key: size for key, size in needed.items() if key not in made}, made, writer)
            await _copy(bucket, arriving, made, writer)
    print(f"{before} objects before the moment, {len(made) - before} up to it", file=sys.stderr)
    if missing:
        print(f"warning: {len(missing)} files had no object, such as {', '.join(missing[:_SHOWN])}", file=sys.stderr)
    manifest = {
        "format": members.FORMAT,
        "moment": moment["at"],
        "wal": moment["wal"],
        "rows": counts,
        "objects": len(made),
        "object_bytes": sum(made.values()),
        "missing_objects": missing,
        "secrets": {"included": included, "keep_elsewhere": _elsewhere(included)},
    }
    writer.end(manifest)
    return manifest


async def record(places: Places, manifest: Mapping[str, Any]) -> None:
    """Record for the deployment's metrics that the backup is complete. A deployment of an earlier version has no place for that."""
    try:
        async with connected_to_primary(places.databases[FILES]) as connection:
            await backups.record(connection, datetime.fromisoformat(manifest["moment"]))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, Unreachable) as error:
        print(f"warning: the backup is complete, but metrics will not show it: {error}", file=sys.stderr)


def _add_installation(installation: Installation | None, writer: Writer) -> list[str]:
    """Add every file of the folder that can be seen; returns their names."""
    if installation is None:
        return []
    files = sorted(path for path in installation.folder.rglob("*") if path.is_file())
    names = [path.relative_to(installation.folder).as_posix() for path in files]
    # Kubernetes mounts a volume's files a second time, below names like these.
    kept = [(name, path) for name, path in zip(names, files, strict=True) if not any(part.startswith("..") for part in Path(name).parts)]
    for name, path in kept:
        writer.add(INSTALLATION + name, path.read_bytes())
    return [name for name, _ in kept]


def _elsewhere(included: list[str]) -> dict[str, str]:
    return {path: why for path, why in _KEEP_ELSEWHERE.items() if not any(name.startswith(path) for name in included)}


async def _keys_now(places: Places) -> dict[str, int]:
    async with connected_to_primary(places.databases[FILES]) as connection:
        return dict(await connection.fetch(_NEEDED))


async def _rows(places: Places, writer: Writer) -> tuple[dict[str, Any], dict[str, dict[str, int]], dict[str, int], dict[str, int]]:
    """Write the rows of the moment; returns its description, how many rows there are, and the objects that files then need or wait for,
    with their sizes."""
    async with one_moment(places.databases) as connections:
        files = connections[FILES]
        at = await files.fetchval("SELECT clock_timestamp()")
        wal = await files.fetchval("SELECT pg_current_wal_lsn()::text")
        described = {service: await rows.describe(connection) for service, connection in connections.items()}
        moment = {"at": at.isoformat(), "wal": wal, "databases": {name: one.as_json() for name, one in described.items()}}
        # A reader has to know it first.
        writer.add(MOMENT, as_json(moment))
        counts: dict[str, dict[str, int]] = {}
        for service, connection in connections.items():
            tables = described[service].tables.items()
            counts[service] = {table: await _table(connection, service, table, columns, writer) for table, columns in tables}
        return moment, counts, dict(await files.fetch(_NEEDED)), dict(await files.fetch(_ARRIVING))


async def _table(connection: asyncpg.Connection, service: str, table: str, columns: list[str], writer: Writer) -> int:
    number = 0

    async def take(content: bytes) -> None:
        nonlocal number
        writer.add(f"{ROWS}{service}/{table}/{number:06}", content)
        number += 1

    return await rows.dump(connection, table, columns, take)


async def _copy(bucket: Bucket, keys: Mapping[str, int], made: dict[str, int], writer: Writer) -> None:
    async for found in bucket.fetch(keys.items()):
        await writer.add_pieces(OBJECTS + found.key, found.size, found.pieces, found.media_type)
        made[found.key] = found.size


async def _copy_late(bucket: Bucket, keys: Mapping[str, int], made: dict[str, int], writer: Writer) -> list[str]:
    """Copy objects that must be there, and look again for those that are not; returns the keys of those that never were."""
    missing = dict(keys)
    for pause in _LATE_SECONDS:
        if missing:
            await asyncio.sleep(pause)
            await _copy(bucket, missing, made, writer)
            missing = {key: size for key, size in missing.items() if key not in made}
    return sorted(missing)
