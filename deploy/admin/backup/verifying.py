"""Whether a backup is whole, and whether a deployment is what the backup holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.admin.backup import rows
from deploy.admin.backup.bucket import open_bucket
from deploy.admin.backup.members import MOMENT, OBJECTS, ROWS, Reader
from deploy.admin.backup.places import FILES, Places
from deploy.admin.checks.postgres_connection import connected_to_primary
from deploy.local.errors import StackError

Table = tuple[str, str]
"""A service, and a table of its database."""
_ETAG = "etag"
_NULL = b"\\N"
_SHOWN = 5


@dataclass
class Content:
    """The content of a backup, in digests."""

    tables: dict[Table, hashlib._Hash] = field(default_factory=dict)
    columns: dict[Table, list[str]] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    """Digest by key."""
    needed: set[str] = field(default_factory=set)
    """The keys of the objects that must be there."""
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def note(self, table: Table, content: bytes) -> None:
        """Rows of a table that follow those before. Another storage may give objects other ETags, so these do not count."""
        columns = self.columns[table]
        if table == (FILES, "file"):
            lines = [line.split(b"\t") for line in content.splitlines(keepends=False)]
            self.needed.update(_needed(columns, lines))
            etag = columns.index(_ETAG)
            content = b"\n".join(b"\t".join(one[:etag] + one[etag + 1 :]) for one in lines)
        self.tables[table].update(content)


def read(reader: Reader) -> Content:
    """Read all of a backup. Raises StackError if it is damaged, or lacks an object that its rows need and that was there."""
    found = Content()
    for member in reader:
        if member.name.startswith(OBJECTS):
            for _ in member.pieces():
                pass
            found.objects[member.name.removeprefix(OBJECTS)] = member.digest.hexdigest()
        elif member.name == MOMENT:
            for service, database in json.loads(member.read())["databases"].items():
                for table, columns in database["tables"].items():
                    found.columns[service, table], found.tables[service, table] = columns, hashlib.sha256()
        elif member.name.startswith(ROWS):
            found.note(table_of(member.name), member.read())
    found.manifest = reader.manifest
    if lacking := found.needed - found.objects.keys() - set(reader.manifest["missing_objects"]):
        raise StackError(f"the backup lacks {_counted(lacking)} that its rows name")
    return found


async def compare(places: Places, wanted: Content) -> list[str]:
    """The differences of a deployment, whose services are stopped, from a backup: every row, and the bytes of every object."""
    present = Content(columns=wanted.columns)
    for service, where in places.databases.items():
        async with connected_to_primary(where) as connection, connection.transaction(readonly=True):
            for table in (one for one in wanted.columns if one[0] == service):
                present.tables[table] = hashlib.sha256()

                async def take(content: bytes, table: Table = table) -> None:
                    present.note(table, content)

                await rows.dump(connection, table[1], wanted.columns[table], take)
    found = [f"the rows of {table} in {service} differ" for service, table in _differing(wanted, present)]
    keys = sorted(wanted.needed & wanted.objects.keys())
    async with open_bucket(places.bucket) as bucket:
        async for each in bucket.fetch((key, 0) for key in keys):
            digest = hashlib.sha256()
            async for piece in each.pieces:
                digest.update(piece)
            present.objects[each.key] = digest.hexdigest()
    if absent := [key for key in keys if key not in present.objects]:
        found.append(f"{_counted(absent)} not there")
    if changed := [key for key in present.objects if present.objects[key] != wanted.objects[key]]:
        found.append(f"{_counted(changed)} with other bytes")
    return found


def table_of(name: str) -> Table:
    """Whose rows a member has."""
    service, table, _ = name.removeprefix(ROWS).split("/")
    return service, table


def _differing(wanted: Content, present: Content) -> Iterator[Table]:
    return (table for table in wanted.tables if wanted.tables[table].digest() != present.tables[table].digest())


def _needed(columns: list[str], lines: list[list[bytes]]) -> Iterator[str]:
    """`making.NEEDED`, for rows as COPY writes them."""
    key, state, pins, etag = (columns.index(name) for name in ("object_key", "state", "pins", _ETAG))
    for line in lines:
        if line[state] == b"ready" or (line[pins] != b"0" and line[etag] != _NULL):
            yield line[key].decode()


def _counted(keys: set[str] | list[str]) -> str:
    shown = sorted(keys)[:_SHOWN]
    return f"{len(keys)} objects ({', '.join(shown)}{', …' if len(keys) > len(shown) else ''})"
