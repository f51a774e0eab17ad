"""A record of the work that commands started and finished on this machine, so that nothing is paid for twice.

Each file of a command is recorded before anything is sent, with its idempotency key. However the command ends, running it again, or
`darkroom resume`, continues from there.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Self

from google.protobuf.message import Message

from darkroom.cli.exits import errors
from darkroom.cli.saved_session import state_folder
from darkroom.content import is_url
from darkroom.operations.v1 import operation_pb2
from darkroom.tasks.v1 import tasks_service_pb2

# The server forgets a key after 24 hours.
_KEY_SECONDS = 23 * 3600
_KEPT_SECONDS = 90 * 86400

_TABLE = """
CREATE TABLE IF NOT EXISTS work (
    key TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    inputs TEXT NOT NULL,
    folder TEXT NOT NULL,
    overwrite INTEGER NOT NULL,
    operations BLOB NOT NULL,
    process INTEGER NOT NULL,
    idempotency_key TEXT NOT NULL,
    key_time REAL NOT NULL,
    file_ids TEXT NOT NULL,
    task_id INTEGER,
    outputs TEXT,
    auxiliary TEXT NOT NULL DEFAULT '{}',
    name TEXT,
    refusal TEXT
)"""
_COLUMNS = (
    "key, url, inputs, folder, overwrite, operations, process, idempotency_key, key_time, file_ids, task_id, outputs, auxiliary, "
    "name, refusal"
)


@dataclass
class Entry:
    """One task: its input files, its operations, the folder for its results, and its progress."""

    key: str
    url: str
    inputs: list[Path | str]
    """Files, and URLs of files."""
    folder: Path
    overwrite: bool
    operations: list[operation_pb2.Operation]
    process: int = field(default_factory=os.getpid)
    """Id of the process that works on it or last did."""
    idempotency_key: str = field(default_factory=lambda: str(uuid.uuid4()))
    key_time: float = field(default_factory=time.time)
    file_ids: list[int] = field(default_factory=list)
    task_id: int | None = None
    outputs: list[Path] | None = None
    """Set once they are in the folder."""
    auxiliary: dict[str, Path] = field(default_factory=dict)
    """Further files that the operation needs, by the parameter that holds the file's id after the upload."""
    name: str | None = None
    """Name of the result; None for that which the server gives it."""
    refusal: str | None = None
    """Why the server refused the run before it came to this task; None if it did not."""

    @property
    def parameters(self) -> Message:
        """Parameters of the first operation, to which `auxiliary` refers."""
        operation = self.operations[0]
        parameters: Message = getattr(operation, str(operation.WhichOneof("operation")))
        return parameters

    def forget_files(self) -> None:
        """Drop the ids of uploaded files, which the server no longer has."""
        self.file_ids = []
        for name in self.auxiliary:
            self.parameters.ClearField(name)

    def renew(self) -> None:
        """Start over as a new task with the same files."""
        self.idempotency_key, self.key_time, self.task_id, self.outputs = str(uuid.uuid4()), time.time(), None, None

    @property
    def key_expired(self) -> bool:
        """Whether the server may have forgotten the idempotency key."""
        return time.time() - self.key_time > _KEY_SECONDS

    @property
    def is_done(self) -> bool:
        """Whether its results are still where they were saved."""
        return bool(self.outputs) and all(path.exists() for path in self.outputs or ())


def new_entry(
    url: str,
    inputs: Sequence[Path | str],
    folder: Path,
    operations: Sequence[operation_pb2.Operation],
    *,
    overwrite: bool,
    unique: bool = False,
    auxiliary: Mapping[str, Path] = MappingProxyType({}),
    name: str | None = None,
) -> Entry:
    """An entry whose key identifies the server, the operations, the files as they are now, and where the result goes. With `unique` the key
    is random, so that repeating a command does the work again."""
    beside = {name: path.resolve() for name, path in auxiliary.items()}
    paths = [path.resolve() if isinstance(path, Path) else path for path in inputs]
    asked = [url, [_as_it_is(path) for path in paths], str(folder.resolve()), *(_as_it_is(path) for path in beside.values())]
    asked += [name] if name else []
    made = hashlib.sha256(json.dumps(asked).encode() + operation_bytes(operations)).hexdigest()
    key = str(uuid.uuid4()) if unique else made
    return Entry(key, url, paths, folder.resolve(), overwrite, copies(operations), auxiliary=beside, name=name)


def copies(operations: Sequence[operation_pb2.Operation]) -> list[operation_pb2.Operation]:
    """A copy of the operations for one entry, because the ids of uploaded files are written into it."""
    return [operation_pb2.Operation.FromString(operation.SerializeToString()) for operation in operations]


def _as_it_is(path: Path | str) -> list[str | int]:
    if isinstance(path, str):
        # Whether what is there has changed is not known.
        return [path]
    stat = path.stat()
    return [str(path), stat.st_size, stat.st_mtime_ns]


class Journal:
    """The entries, in a file in the user's state folder. If that cannot be written, they are kept in memory for this run only.

    Or in a database of the caller's, which never forgets entries by itself.
    """

    def __init__(self, *, lasting: bool = True, database: sqlite3.Connection | None = None) -> None:
        if database is not None:
            self._database = database
            self._database.execute(_TABLE)
            return
        path = state_folder() / "journal.sqlite3"
        if not lasting:
            self._database = _opened(":memory:")
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = _opened(str(path))
        except (OSError, sqlite3.Error) as failure:
            errors.print(f"note: cannot write {path} ({failure}); an interrupted command cannot be continued")
            self._database = _opened(":memory:")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def take_over(self, entries: Iterable[Entry]) -> list[Entry]:
        """The entries, each replaced by its record from an earlier run, if there is one."""
        return [self.find(entry.key) or entry for entry in entries]

    def write(self, *entries: Entry) -> None:
        """Record entries as they are now, as work of this process."""
        for entry in entries:
            entry.process = os.getpid()
        marks = ", ".join("?" * 15)
        with self._database:
            self._database.executemany(f"INSERT OR REPLACE INTO work ({_COLUMNS}) VALUES ({marks})", map(_row, entries))  # noqa: S608

    def forget(self, *entries: Entry) -> None:
        """Remove entries that ended without results or were cancelled."""
        with self._database:
            self._database.executemany("DELETE FROM work WHERE key = ?", [(entry.key,) for entry in entries])

    def unfinished_entries(self, url: str) -> list[Entry]:
        """Unfinished entries for a server on which no running process works."""
        entries = [entry for entry in self.every_unfinished_entry() if entry.url == url]
        return [entry for entry in entries if entry.process == os.getpid() or not _runs(entry.process)]

    def every_unfinished_entry(self) -> list[Entry]:
        """All unfinished entries, oldest first."""
        query = f"SELECT {_COLUMNS} FROM work WHERE outputs IS NULL ORDER BY key_time"  # noqa: S608
        return [_entry(row) for row in self._database.execute(query)]

    def finished_keys(self) -> list[str]:
        """The keys of the entries that are done."""
        return [key for (key,) in self._database.execute("SELECT key FROM work WHERE outputs IS NOT NULL")]

    def results(self) -> dict[Path, Path]:
        """Absolute path of each downloaded result → absolute path of its input."""
        rows = self._database.execute("SELECT inputs, outputs FROM work WHERE outputs IS NOT NULL AND inputs != '[]'")
        made = ((json.loads(inputs)[0], json.loads(outputs)) for inputs, outputs in rows)
        return {Path(path): Path(made_from) for made_from, outputs in made if not is_url(made_from) for path in outputs}

    def find(self, key: str) -> Entry | None:
        """The entry of that key."""
        row = self._database.execute(f"SELECT {_COLUMNS} FROM work WHERE key = ?", (key,)).fetchone()  # noqa: S608
        return _entry(row) if row else None


def _opened(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=30)
    database.execute("PRAGMA journal_mode = WAL")
    with database:
        database.execute("BEGIN IMMEDIATE")
        database.execute(_TABLE)
        database.execute("DELETE FROM work WHERE key_time < ?", (time.time() - _KEPT_SECONDS,))
    return database


def _row(entry: Entry) -> tuple[object, ...]:
    return (
        entry.key,
        entry.url,
        json.dumps([str(path) for path in entry.inputs]),
        as_sqlite_text(str(entry.folder)),
        entry.overwrite,
        operation_bytes(entry.operations),
        entry.process,
        entry.idempotency_key,
        entry.key_time,
        json.dumps(entry.file_ids),
        entry.task_id,
        None if entry.outputs is None else json.dumps([str(path) for path in entry.outputs]),
        json.dumps({name: str(path) for name, path in entry.auxiliary.items()}),
        None if entry.name is None else as_sqlite_text(entry.name),
        entry.refusal,
    )


def as_sqlite_text(path: str) -> str | bytes:
    """For SQLite: a path, or its bytes if they are not UTF-8, which SQLite does not take as text."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def _entry(
    row: tuple[str, str, str, str, int, bytes, int, str, float, str, int | None, str | None, str, str | None, str | None],
) -> Entry:
    key, url, inputs, folder, overwrite, operations, process, idempotency_key, key_time, file_ids, task_id, outputs, auxiliary, *rest = row
    name, refusal = rest
    return Entry(
        key,
        url,
        [path if is_url(path) else Path(path) for path in json.loads(inputs)],
        Path(os.fsdecode(folder)),
        bool(overwrite),
        list(tasks_service_pb2.CreateTaskRequest.FromString(operations).operations),
        process,
        idempotency_key,
        key_time,
        json.loads(file_ids),
        task_id,
        None if outputs is None else [Path(path) for path in json.loads(outputs)],
        {name: Path(path) for name, path in json.loads(auxiliary).items()},
        None if name is None else os.fsdecode(name),
        refusal,
    )


def operation_bytes(operations: Sequence[operation_pb2.Operation]) -> bytes:
    """The operations in bytes that are the same for the same operations."""
    return tasks_service_pb2.CreateTaskRequest(operations=operations).SerializeToString(deterministic=True)


def _runs(process: int) -> bool:
    if os.name != "posix":
        # On Windows, os.kill would end the process.
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
