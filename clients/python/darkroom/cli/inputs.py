"""Input files from arguments: files, folders, patterns that the shell did not expand, URLs, and standard input."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from darkroom.cli.exits import usage
from darkroom.content import extension_of, is_url

STDIN = "-"

_PATTERN = frozenset("*?[")


Input = Path | str
"""A file, or the URL of one, which the server fetches."""


@dataclass(frozen=True)
class Source:
    """One input file, and its subfolder in the output folder, if there is one."""

    path: Input
    below: Path = Path()
    """Its folder, relative to the argument in which it was found."""

    @property
    def folder(self) -> Path:
        """The default place of its results: next to it, and for a URL here."""
        return self.path.parent if isinstance(self.path, Path) else Path()


def name_of(given: Input) -> str:
    """A file's name; for a URL the last part of its path, or the host, without what a terminal would obey."""
    if isinstance(given, Path):
        return given.name
    parts = urlsplit(given)
    name = unquote(parts.path.rpartition("/")[2]) or parts.netloc
    return "".join(character if character.isprintable() else "\ufffd" for character in name)


def find(arguments: Iterable[str], suffixes: Sequence[str], *, recursive: bool, results: Mapping[Path, Path]) -> list[Source]:
    """The files that the arguments name, each once and in order. Folders and patterns yield only files with one of the suffixes.

    results: absolute path of each result of an earlier run → absolute path of its input. In a folder that contains both, only the input is
    taken. Raises typer.Exit if an argument matches nothing.
    """
    found: dict[Input, Source] = {}
    for argument in arguments:
        if is_url(argument):
            found.setdefault(argument, Source(argument))
            continue
        path = Path(argument)
        if path.is_file():
            matches = [Source(path)]
        elif path.is_dir():
            matches = list(_inside(path, suffixes, recursive, results))
        elif _PATTERN & set(argument):
            matches = list(_matching(argument, suffixes, recursive, results))
        else:
            raise usage(f"{argument} does not exist")
        if not matches:
            kinds = ", ".join(suffixes)
            raise usage(f"{argument} {'contains' if path.is_dir() else 'matches'} no files of these types: {kinds}{_hint(path, recursive)}")
        for source in matches:
            found.setdefault(Path(source.path).resolve(), source)
    return list(found.values())


def _hint(path: Path, recursive: bool) -> str:
    folders = path.is_dir() and not recursive and any(child.is_dir() for child in path.iterdir())
    return " (use --recursive to include its subfolders)" if folders else ""


def _inside(folder: Path, suffixes: Sequence[str], recursive: bool, results: Mapping[Path, Path]) -> Iterator[Source]:
    root = folder.resolve()
    for path in sorted(folder.rglob("*") if recursive else folder.iterdir()):
        inner = path.relative_to(folder)
        if path.suffix.lower() not in suffixes or any(part.startswith(".") for part in inner.parts) or not path.is_file():
            continue
        made_from = results.get(path.resolve())
        if made_from is None or not made_from.is_relative_to(root):
            yield Source(path, inner.parent)


def _matching(pattern: str, suffixes: Sequence[str], recursive: bool, results: Mapping[Path, Path]) -> Iterator[Source]:
    for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - the pattern may be absolute
        path = Path(name)
        if path.is_dir():
            yield from _inside(path, suffixes, recursive, results) if recursive else ()
        elif path.suffix.lower() in suffixes:
            yield Source(path)


def spool_stdin(folder: Path) -> Source:
    """Standard input, saved in a folder as `stdin` with the extension of its type."""
    if sys.stdin.isatty():
        raise usage("- reads a file from standard input, but that is the terminal; use `< FILE` or a pipe")
    content = sys.stdin.buffer.read()
    if not content:
        raise usage("standard input is empty")
    path = folder / f"stdin.{_extension(content)}"
    path.write_bytes(content)
    return Source(path)


def _extension(content: bytes) -> str:
    """The server requires an extension, and then checks the content."""
    extension = extension_of(content)
    if extension is None:
        raise usage("standard input is neither a picture or a video of a known type nor a PDF")
    return extension
