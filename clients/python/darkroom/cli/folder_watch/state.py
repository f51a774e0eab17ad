"""A record of what a watch has done, by the content of files: a database in the output folder."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from darkroom.cli.folder_watch.exclusive import open_exclusive
from darkroom.cli.folder_watch.places import Stamp
from darkroom.cli.journal import Entry, Journal, as_sqlite_text, operation_bytes
from darkroom.operations.v1 import operation_pb2

_TABLES = """
CREATE TABLE IF NOT EXISTS files (path PRIMARY KEY, size_bytes INTEGER NOT NULL, version TEXT NOT NULL, content TEXT);
CREATE TABLE IF NOT EXISTS failures (
    key TEXT PRIMARY KEY, definition TEXT NOT NULL, reason TEXT NOT NULL, error TEXT NOT NULL, report NOT NULL
);
CREATE TABLE IF NOT EXISTS watches (folder NOT NULL, definition TEXT NOT NULL, PRIMARY KEY (folder, definition));
CREATE TABLE IF NOT EXISTS moves (part PRIMARY KEY, target NOT NULL, key TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Failure:
    """Why a content failed."""

    reason: str
    error: str


class State:
    """Contents and what has become of them, for operations in one definition.

    A content is known by its key: a hash of the bytes and of the operations. Raises sqlite3.OperationalError where it cannot be written.
    """

    def __init__(self, file: Path, operations: Sequence[operation_pb2.Operation]) -> None:
        """Open or create it. Raises AlreadyOpen if another process has, and OSError if it cannot be written."""
        self.file = file
        self.definition = hashlib.sha256(operation_bytes(operations)).hexdigest()
        self._database = open_exclusive(file)
        try:
            self._database.executescript(_TABLES)
            self.journal = Journal(database=self._database)
            rows = self._database.execute("SELECT path, size_bytes, version, content FROM files")
            self._files = {_path(path): (Stamp(size, version), content) for path, size, version, content in rows}
            self._done = set(self.journal.finished_keys())
            failures = self._database.execute("SELECT key, reason, error FROM failures")
            self._failures = {key: Failure(reason, error) for key, reason, error in failures}
        except sqlite3.Error as failure:
            self._database.close()
            raise OSError(None, str(failure), str(file)) from failure

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def key(self, content: str) -> str:
        """The key of a content, which is the SHA-256 of its bytes in hex."""
        return hashlib.sha256(f"{content} {self.definition}".encode()).hexdigest()

    def is_settled(self, path: Path, stamp: Stamp, *, left: bool) -> bool:
        """Whether nothing is to be done with a file that looks like this: its content is done or has failed, or it is `left` alone."""
        known, content = self._files.get(str(path), (None, None))
        if known != stamp:
            return False
        return left if content is None else self.key(content) in self._done or self.key(content) in self._failures

    def begin(self, folder: Path) -> bool:
        """Record that a folder is watched. True if it never was, for these operations."""
        with self._database:
            row = (as_sqlite_text(str(folder)), self.definition)
            return self._database.execute("INSERT OR IGNORE INTO watches VALUES (?, ?)", row).rowcount > 0

    def remember(self, path: Path, stamp: Stamp, content: str | None) -> None:
        """Record the content of a file; None if the file is to be left."""
        self.remember_all([(path, stamp, content)])

    def remember_all(self, files: Iterable[tuple[Path, Stamp, str | None]]) -> None:
        """Record the contents of files."""
        found = list(files)
        rows = [(as_sqlite_text(str(path)), stamp.size_bytes, stamp.version, content) for path, stamp, content in found]
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)
        self._files |= {str(path): (stamp, content) for path, stamp, content in found}

    def outputs(self, key: str) -> list[Path] | None:
        """The results of a content as they were placed; None if it is not done."""
        entry = self.journal.find(key) if key in self._done else None
        return entry.outputs if entry else None

    def failure(self, key: str) -> Failure | None:
        """Why a content failed, if it did."""
        return self._failures.get(key)

    def unfinished_entries(self) -> list[Entry]:
        """Entries whose tasks exist and whose results are not in their folder."""
        found = self.journal.every_unfinished_entry()
        return [entry for entry in found if entry.task_id is not None and entry.key not in self._failures]

    def plan(self, key: str, moves: Sequence[tuple[Path, Path]]) -> None:
        """Record where each part of a result is about to be moved."""
        rows = [(as_sqlite_text(str(part)), as_sqlite_text(str(target)), key) for part, target in moves]
        with self._database:
            self._database.execute("DELETE FROM moves WHERE key = ?", (key,))
            self._database.executemany("INSERT INTO moves VALUES (?, ?, ?)", rows)

    def moves(self, key: str) -> list[tuple[Path, Path]]:
        """The moves that were begun and perhaps not finished."""
        rows = self._database.execute("SELECT part, target FROM moves WHERE key = ? ORDER BY rowid", (key,))
        return [(Path(_path(part)), Path(_path(target))) for part, target in rows]

    def finish(self, entry: Entry, outputs: list[Path]) -> None:
        """Record that an entry is done and its results are in their places."""
        entry.outputs = outputs
        self.journal.write(entry)
        with self._database:
            self._database.execute("DELETE FROM moves WHERE key = ?", (entry.key,))
            self._database.execute("DELETE FROM failures WHERE key = ?", (entry.key,))
        self._done.add(entry.key)
        self._failures.pop(entry.key, None)

    def fail(self, entry: Entry, failure: Failure, report: Path) -> None:
        """Record that an entry failed, and where it was set aside."""
        row = (entry.key, self.definition, failure.reason, failure.error, as_sqlite_text(str(report)))
        with self._database:
            self._database.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)", row)
        self.journal.forget(entry)
        self._failures[entry.key] = failure

    def forget_failures(self) -> list[Path]:
        """Have the contents that failed done again. Returns the reports on them."""
        rows = list(self._database.execute("SELECT key, report FROM failures WHERE definition = ?", (self.definition,)))
        with self._database:
            self._database.execute("DELETE FROM failures WHERE definition = ?", (self.definition,))
        for key, _ in rows:
            self._failures.pop(key, None)
        return [Path(_path(report)) for _, report in rows]


def _path(given: str | bytes) -> str:
    return given if isinstance(given, str) else given.decode(errors="surrogateescape")
