"""A folder for results. Each appears at once, under a name that was free, however the process ends."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from darkroom.cli.folder_watch.state import State
from darkroom.cli.journal import Entry
from darkroom.naming import cut_to_fit, numbered_paths, partial

PRIVATE = ".darkroom-watch"
"""The folder inside it with the state and the results that are not complete."""


class FolderDestination:
    """A folder, and another for files that failed. With `overwrite`, results replace files of their name."""

    def __init__(self, folder: Path, failed: Path, state: State, *, overwrite: bool) -> None:
        self._named, self._folder, self._failed = folder, folder.resolve(), failed.resolve()
        self._state, self._overwrite = state, overwrite

    def __str__(self) -> str:
        return str(self._named)

    def folder(self, name: str) -> Path:
        """The folder for the results of a file: below this one as the file is below its own."""
        return self._folder / PurePosixPath(name).parent

    def parts(self, entry: Entry) -> Path:
        """An empty folder for the results of an entry until they are complete."""
        folder = self._parts(entry)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        return folder

    def place(self, entry: Entry, parts: Sequence[Path]) -> list[Path]:
        """Move complete results to their folder, and record the entry as done. Raises OSError."""
        for part in parts:
            with part.open("rb") as file:
                os.fsync(file.fileno())
        targets: list[Path] = []
        for part in parts:
            targets.append(self._free(entry.folder / part.name, targets))
        self._state.plan(entry.key, list(zip(parts, targets, strict=True)))
        return self._placed(entry, list(zip(parts, targets, strict=True)))

    def resume_placement(self, entry: Entry) -> list[Path] | None:
        """Go on with what `place` began; None if it did not begin, or if a part is lost."""
        moves = self._state.moves(entry.key)
        if not moves or not all(part.exists() or target.exists() for part, target in moves):
            return None
        return self._placed(entry, moves)

    def set_aside(self, name: str, source: Path, report: Mapping[str, object]) -> Path:
        """Copy a file that failed to the other folder, with a report in JSON next to it. Returns the report's path. Raises OSError."""
        wanted = self._failed / name
        wanted = wanted.with_name(cut_to_fit(wanted.name))
        wanted.parent.mkdir(parents=True, exist_ok=True)
        # Another file of that name may have failed before; this one only if the process was killed meanwhile.
        copy = next(path for path in numbered_paths(wanted) if not path.exists() or _is_same(source, path))
        # It may have been removed since it was uploaded.
        with suppress(FileNotFoundError):
            if not copy.exists():
                with partial(copy) as part:
                    shutil.copyfile(source, part)
        written = copy.with_name(f"{copy.name}.error.json")
        with partial(written) as part:
            part.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", errors="backslashreplace")
        return written

    def take_back(self, report: Path) -> None:
        """Remove a report and the copy of the file that it is about."""
        report.unlink(missing_ok=True)
        report.with_name(report.name.removesuffix(".error.json")).unlink(missing_ok=True)

    def _parts(self, entry: Entry) -> Path:
        return self._folder / PRIVATE / "parts" / entry.key

    def _placed(self, entry: Entry, moves: Sequence[tuple[Path, Path]]) -> list[Path]:
        left = list(moves)
        for index, (part, wanted) in enumerate(moves):
            wanted.parent.mkdir(parents=True, exist_ok=True)
            while part.exists():
                try:
                    _move(part, left[index][1], overwrite=self._overwrite)
                except FileExistsError:
                    # Another program took the name.
                    left[index] = part, self._free(wanted, [target for _, target in left])
                    self._state.plan(entry.key, left)
        targets = [target for _, target in left]
        self._state.finish(entry, targets)
        shutil.rmtree(self._parts(entry), ignore_errors=True)
        return targets

    def _free(self, wanted: Path, taken: Sequence[Path]) -> Path:
        """The path, or with a number if there is such a file."""
        return next(path for path in numbered_paths(wanted) if path not in taken and (self._overwrite or not path.exists()))


def _is_same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def _move(part: Path, target: Path, *, overwrite: bool) -> None:
    """Rename it. Raises FileExistsError rather than replace another file, unless asked to."""
    if overwrite:
        part.replace(target)
        return
    try:
        # Unlike a rename, it fails if there is such a file.
        target.hardlink_to(part)
    except FileExistsError:
        if not target.samefile(part):
            raise
        # The process was killed before it removed the other name.
    except OSError:
        # File systems without hard links.
        if target.exists():
            raise FileExistsError from None
        part.rename(target)
        return
    part.unlink()
