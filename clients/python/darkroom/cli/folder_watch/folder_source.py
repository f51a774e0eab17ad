"""A folder in which files appear."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

from darkroom.cli.folder_watch.places import Stamp
from darkroom.cli.folder_watch.selection import Selection

_GONE_SECONDS = 2.0
"""How often it is looked whether a folder that has gone is back."""
_ALL_SECONDS = 300.0
"""How often everything is looked at, in case that the system lost a notice."""
_FALLBACK_SECONDS = 10.0
_NOTICE_MILLISECONDS = 1000


class FolderSource:
    """A folder, with its subfolders if `recursive`.

    poll_seconds: how often to look at everything, for file systems that send no notices; None to be notified. not_in: folders inside it
    that are left out, such as that of the results. say: shows a remark.
    """

    def __init__(
        self,
        folder: Path,
        selection: Selection,
        *,
        recursive: bool,
        poll_seconds: float | None,
        not_in: Sequence[Path],
        say: Callable[[str], None],
    ) -> None:
        self._named, self._folder = folder, folder.resolve()
        self._selection, self._recursive, self._poll_seconds = selection, recursive, poll_seconds
        self._not_in = {str(each.resolve()) for each in not_in}
        self._say = say

    def __str__(self) -> str:
        return str(self._named)

    async def listing(self, below: str = "") -> dict[str, Stamp]:
        """All files that are to be taken, or those in one folder of it. Raises OSError while the folder cannot be read."""
        return await asyncio.to_thread(self._list, below)

    def stamp(self, name: str) -> Stamp | None:
        """The size and times of a file; None if it is gone or not to be taken."""
        path = self._folder / name
        if not self._selection.takes(name) or any(str(above) in self._not_in for above in path.parents):
            return None
        return _stamp(path) if path.is_file() else None

    def path(self, name: str) -> Path:
        """The file itself."""
        return self._folder / name

    async def changes(self) -> AsyncGenerator[Collection[str] | None, None]:
        """Names of files and folders that may have changed, or None for everything."""
        while True:
            if self._poll_seconds is not None:
                await asyncio.sleep(self._poll_seconds)
                yield None
                continue
            if not self._folder.is_dir():
                await asyncio.sleep(_GONE_SECONDS)
                yield None
                continue
            try:
                async with aclosing(self._notices()) as notices:
                    async for changed in notices:
                        yield changed
            except OSError as failure:
                if self._folder.is_dir():
                    self._say(f"note: the system sends no notices of changes ({failure}); looking every {_FALLBACK_SECONDS:.0f} s instead")
                    self._poll_seconds = _FALLBACK_SECONDS

    async def _notices(self) -> AsyncGenerator[Collection[str] | None, None]:
        """Notices from the system, until the folder at this path is another one or gone."""
        from watchfiles import awatch

        watched, looked = _identity(self._folder), 0.0
        async for notices in awatch(
            self._folder,
            watch_filter=None,
            recursive=self._recursive,
            force_polling=False,
            debounce=400,
            step=100,
            rust_timeout=_NOTICE_MILLISECONDS,
            yield_on_timeout=True,
        ):
            if _identity(self._folder) != watched:
                yield None
                return
            # The first time too: files may have come before the system began to send notices.
            if not looked or time.monotonic() - looked > _ALL_SECONDS:
                looked = time.monotonic()
                yield None
            elif notices:
                yield {Path(path).relative_to(self._folder).as_posix() for _, path in notices if path != str(self._folder)}

    def _list(self, below: str) -> dict[str, Stamp]:
        found = {}
        for path in self._walk(self._folder / below):
            name = path.relative_to(self._folder).as_posix()
            if self._selection.takes(name) and path.is_file() and (stamp := _stamp(path)) is not None:
                found[name] = stamp
        return dict(sorted(found.items()))

    def _walk(self, folder: Path) -> Iterator[Path]:
        if not self._recursive and folder != self._folder:
            return
        if any(str(each) in self._not_in for each in (folder, *folder.parents)):
            return
        for path in folder.iterdir():
            if not path.is_dir():
                yield path
            elif self._recursive and not path.is_symlink() and not path.name.startswith("."):
                try:
                    yield from self._walk(path)
                except (FileNotFoundError, PermissionError):
                    # It was removed meanwhile, or is private.
                    continue


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    # With the time of its last change of any kind, which programs cannot set back.
    return Stamp(status.st_size, f"{status.st_mtime_ns}-{status.st_ctime_ns}")


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)  # noqa: PTH116 - one call
    except OSError:
        return None
    return status.st_dev, status.st_ino
