"""A deployment from a backup: its rows into empty databases, its objects into a bucket. The services are stopped meanwhile."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
from alembic.util import CommandError

from deploy.admin.backup import rows
from deploy.admin.backup.bucket import Bucket, open_bucket
from deploy.admin.backup.making import NEEDED
from deploy.admin.backup.members import INSTALLATION, MOMENT, OBJECTS, ROWS, Member, Reader
from deploy.admin.backup.moment import Connections
from deploy.admin.backup.places import FILES, Places
from deploy.admin.backup.rows import Described
from deploy.admin.backup.verifying import table_of
from deploy.admin.checks.postgres_connection import connected_to_primary
from deploy.installation import Installation
from deploy.local.errors import StackError
from services.platform.migrations import migrate

_WEBHOOK_KEY = "secrets/tasks/webhook-secrets.key"
# Up to this size an object is sent again if it does not arrive.
_AT_HAND = 16 << 20


async def restore(places: Places, installation: Installation | None, reader: Reader) -> Mapping[str, Any]:
    """Restore a backup; returns its manifest. Rows are there for all databases or for none, and only once all of it has been read and found
    whole."""
    _require_direct(places)
    etags: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        bucket = await stack.enter_async_context(open_bucket(places.bucket))
        # They are opened again for the rows: until then hours may pass.
        async with AsyncExitStack() as looking:
            await _check(places, await _opened(places, looking))
        databases: Connections = {}
        described: dict[str, Described] = {}
        for member in reader:
            if member.name.startswith(OBJECTS):
                key = member.name.removeprefix(OBJECTS)
                etags[key] = await _put(bucket, key, member)
            elif member.name.startswith(ROWS):
                service, table = table_of(member.name)
                await rows.load(databases[service], table, described[service].tables[table], member.read())
            elif member.name == MOMENT:
                described, databases = _described(member.read()), await _opened(places, stack)
                await _begin(places, databases, described)
            elif member.name == INSTALLATION + _WEBHOOK_KEY:
                _compare_webhook_key(installation, member.read())
        for service, connection in databases.items():
            await rows.end_loading(connection, described[service])
        named = await _correct_etags(databases[FILES], etags)
        for connection in databases.values():
            await connection.execute("COMMIT")
        # Deleted while the backup was made, before its moment.
        await bucket.delete(sorted(etags.keys() - named))
    for service, where in places.databases.items():
        await asyncio.to_thread(migrate, service, where)
    return reader.manifest


async def _opened(places: Places, stack: AsyncExitStack) -> Connections:
    return {name: await stack.enter_async_context(connected_to_primary(where)) for name, where in places.databases.items()}


async def _check(places: Places, databases: Connections) -> None:
    for connection in databases.values():
        await rows.check_empty(connection)
    if used := [name for name, connection in databases.items() if await rows.is_in_use(connection)]:
        raise StackError(f"{', '.join(used)}: something is connected to the database; stop all services first")


def _require_direct(places: Places) -> None:
    """Refuse a pooler: it keeps connections that nobody uses, so that a service that still runs looks like one that has stopped."""
    if pooled := [name for name, where in places.databases.items() if where.pooler != "none"]:
        raise StackError(
            f"{', '.join(pooled)}: a pooler is in between, which hides whether a service is still connected; for the restore, name "
            "PostgreSQL itself in DARKROOM_DATABASE_URL and set DARKROOM_DATABASE_POOLER=none"
        )


def _described(content: bytes) -> dict[str, Described]:
    found = json.loads(content)["databases"]
    return {service: Described(one["revision"], one["tables"], one["sequences"]) for service, one in found.items()}


async def _begin(places: Places, databases: Connections, described: Mapping[str, Described]) -> None:
    for service, wanted in described.items():
        connection = databases[service]
        if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", rows.VERSION):
            try:
                await asyncio.to_thread(migrate, service, places.databases[service], wanted.revision)
            except CommandError as error:
                raise StackError(f"the backup was made by a later version of Darkroom: {service} is at {wanted.revision}") from error
        await rows.begin_loading(connection, wanted)


async def _put(bucket: Bucket, key: str, member: Member) -> str:
    if member.size <= _AT_HAND:
        return await bucket.put(key, member.size, member.media_type, [member.read()])

    async def pieces() -> AsyncIterator[bytes]:
        for piece in member.pieces():
            yield piece

    return await bucket.put(key, member.size, member.media_type, pieces())


async def _correct_etags(files: asyncpg.Connection, etags: Mapping[str, str]) -> set[str]:
    """Give files the ETags that their objects have now, where the storage makes others; returns the keys that rows name."""
    known = dict(await files.fetch(f"SELECT object_key, etag FROM file WHERE {NEEDED}"))  # noqa: S608 - a constant
    others = [(key, etags[key]) for key, etag in known.items() if key in etags and etags[key] != etag]
    await files.executemany("UPDATE file SET etag = $2 WHERE object_key = $1", others)
    return {row["object_key"] for row in await files.fetch("SELECT object_key FROM file")}


def _compare_webhook_key(installation: Installation | None, wanted: bytes) -> None:
    if installation is None:
        return
    present = installation.folder / _WEBHOOK_KEY
    if not present.is_file() or present.read_bytes() != wanted:
        print(
            f"warning: {present} is not the key of the backup, so secrets of webhooks cannot be read; take the backup's installation "
            "folder (`darkroom-admin restore-folder`)",
            file=sys.stderr,
        )
