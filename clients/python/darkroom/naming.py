"""File names for results."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that cannot be seen, steer a terminal, or turn the direction of text."""


def sendable(name: str) -> str:
    """The name of a file on disk as the server takes it: with `_` in place of path separators and of what `visible` escapes."""
    return re.sub(r"[/\\]", "_", _UNSEEN.sub("_", name))


def visible(text: str) -> str:
    """The text for a terminal, in which no part of a name can pass for something else: `\\x1b`, `\\n`."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def unwritable(folder: Path) -> str:
    """Why no file can be put into a folder, which may be missing: then it is made in one above. Empty if it can."""
    above = folder
    while not above.exists() and above != above.parent:
        above = above.parent
    if not above.is_dir():
        return f"{above} is not a folder"
    return "" if os.access(above, os.W_OK | os.X_OK) else f"the folder {above} cannot be written to"


@contextmanager
def free_path(wanted: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A path to write to: `wanted`, or if that is taken, the same with `-1`, `-2` … before its suffix.

    An empty file reserves the name, so parallel downloads never collide. It is removed if the block fails.
    """
    if overwrite:
        yield wanted
        return
    for path in numbered_paths(wanted):
        try:
            path.touch(exist_ok=False)
            break
        except FileExistsError:
            continue
    try:
        yield path
    except BaseException:
        with suppress(FileNotFoundError):
            path.unlink()
        raise


def numbered_paths(wanted: Path) -> Iterator[Path]:
    """`wanted`, then the same with `-1`, `-2` … before its suffix, without end."""
    yield wanted
    for number in count(1):
        yield wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")


_MOST_BYTES = 240
"""Most file systems allow names of 255 bytes, and a number may follow."""


def cut_to_fit(name: str) -> str:
    """The name, cut before its suffix to what file systems allow."""
    suffix = Path(name).suffix
    room = max(0, _MOST_BYTES - len(suffix.encode()))
    stem = name.removesuffix(suffix).encode()
    return name if len(stem) <= room else stem[:room].decode(errors="ignore") + suffix


_SAME = ({".jpg", ".jpeg"}, {".tif", ".tiff"}, {".heic", ".heif", ".hif"}, {".psd", ".psb"}, {".mp4", ".m4v"})


def name_for(own: str, wanted: str) -> str:
    """The wanted name for a file, with the file's own suffix if the wanted one stands for another format."""
    suffixes = {Path(own).suffix.lower(), Path(wanted).suffix.lower()}
    if len(suffixes) == 1 or any(suffixes <= same for same in _SAME):
        return wanted
    return f"{Path(wanted).stem}{Path(own).suffix}"


@contextmanager
def partial(target: Path) -> Iterator[Path]:
    """A path next to `target` to write to. It is renamed to `target` when the block succeeds and removed when it fails."""
    beginning = os.fsdecode(os.fsencode(target.name)[:200])
    part = target.with_name(f".{beginning}.{secrets.token_hex(4)}.part")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
