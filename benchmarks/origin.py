"""Where a table comes from: its command, commit and day, and a fingerprint of the benchmark that measured it.

python -m benchmarks.origin [--remove]: names the tables of results.md that a later benchmark no longer describes, or that are old, and ends
with status 1 if there are any (part of `make check`). With --remove, they are replaced by their headings, to which documents link.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import psutil

from benchmarks.goals import GOALS

_FOLDER = Path(__file__).resolve().parent
RESULTS = _FOLDER / "results.md"
_LARGEST_AGE = timedelta(days=30)
_REMOVED = "Not measured since its benchmark changed."
_NOT_MEASURED_BY = {"goals", "origin", "table"}
"""Modules that only show or compare what others measure."""
_CONTENDERS = "contenders"
_ORIGIN = re.compile(
    r"^`make bench[^`]*`, (?P<day>\d{4}-\d\d-\d\d) \d\d:\d\d UTC, commit [0-9a-f]{8}(?:-dirty)?, "
    r"benchmark `(?P<name>\w+)` (?P<fingerprint>[0-9a-f]{12}), ",
    re.MULTILINE,
)


def origin(command: str, name: str, load: float, folder: Path) -> str:
    """The last line of a table that the benchmark of this name has just measured, on a stack in this folder.

    `load` is the load average before it began.
    """
    memory_gib = psutil.virtual_memory().total / 2**30
    return (
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {_commit()}, benchmark `{name}` {fingerprint(name)}, "
        f"{os.cpu_count()} cores ({platform.machine()}), {memory_gib:.0f} GiB, Python {platform.python_version()}, "
        f"files {'in memory' if folder.is_relative_to('/dev/shm') else 'on disk'}; load average {load:.0f} before it began."  # noqa: S108
    )


@cache
def fingerprint(name: str) -> str:
    """Twelve hexadecimal digits of the SHA-256 of the files that a benchmark consists of. Raises FileNotFoundError if there is none."""
    names = {goal.section for goal in GOALS.values()} if name == "goals" else {name}
    files = {file for each in names for file in _files(each)} | {_FOLDER / f"{name}.py"}
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(_FOLDER)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def problems(results: str, newest: datetime | None, fingerprint_of: Callable[[str], str] = fingerprint) -> dict[str, str]:
    """What is wrong with each table, by its title. `newest` is the time of the newest commit; None: no table is too old."""
    found: dict[str, str] = {}
    for title, text in _tables(results):
        said = _ORIGIN.search(text)
        if said is None:
            found[title] = "it does not say at which commit, and by which benchmark, it was measured"
        elif _of(said["name"], fingerprint_of) != said["fingerprint"]:
            found[title] = f"its benchmark ({said['name']}) has changed since"
        elif newest is not None and datetime.fromisoformat(f"{said['day']}T00:00+00:00") < newest - _LARGEST_AGE:
            found[title] = f"it is more than {_LARGEST_AGE.days} days older than the newest commit"
    return found


def without(results: str, titles: set[str]) -> str:
    """The document with these tables replaced by their headings."""
    for title, text in list(_tables(results)):
        if title in titles:
            results = results.replace(text, f"## {title}\n\n{_REMOVED}\n\n")
    return f"{results.rstrip()}\n"


def main() -> None:
    """Check, or remove what is stale."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.origin", description=__doc__)
    parser.add_argument("--remove", action="store_true", help="remove the tables that are stale")
    remove = parser.parse_args().remove
    results = RESULTS.read_text()
    found = problems(results, _newest_commit())
    for title, problem in found.items():
        print(f"benchmarks/results.md, {title}: {problem}", file=sys.stderr)
    if remove:
        RESULTS.write_text(without(results, set(found)))
    elif found:
        sys.exit(
            "measure again (`make bench`, `make bench-long`), or remove these tables: `.venv/bin/python -m benchmarks.origin --remove`"
        )


def _tables(results: str) -> Iterator[tuple[str, str]]:
    """The title and the text of each section that has been measured."""
    for text in re.split(r"^(?=## )", results, flags=re.MULTILINE)[1:]:
        if _REMOVED not in text:
            yield text.split("\n", 1)[0].removeprefix("## "), text


def _of(name: str, fingerprint_of: Callable[[str], str]) -> str:
    try:
        return fingerprint_of(name)
    except FileNotFoundError:
        return "none"


def _files(name: str) -> set[Path]:
    """A benchmark's module and what it uses of this package, from module to module, contenders included."""
    files: set[Path] = set()
    ahead = [name]
    while ahead:
        file = _FOLDER.joinpath(*ahead.pop().split(".")).with_suffix(".py")
        if file not in files:
            files.add(file)
            tree = ast.parse(file.read_text())
            ahead += _imported(tree)
            if any(isinstance(node, ast.Constant) and _CONTENDERS in str(node.value) for node in ast.walk(tree)):
                files.update(each for each in (_FOLDER / _CONTENDERS).rglob("*") if each.suffix in (".py", ".mjs", ".json"))
    return files


def _imported(tree: ast.Module) -> Iterator[str]:
    """The modules of this package, without its name, that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            package, _, module = node.module.partition(".")
            if package == "benchmarks":
                yield from {module} - _NOT_MEASURED_BY if module else {alias.name for alias in node.names} - _NOT_MEASURED_BY


def _commit() -> str:
    changed = _git("status", "--porcelain", "--", ".", ":!benchmarks/results.md")
    return (_git("rev-parse", "--short=8", "HEAD") or "00000000") + ("-dirty" if changed else "")


def _newest_commit() -> datetime | None:
    """When the commit that is checked out was made; None where there is no Git. It needs no history."""
    moment = _git("log", "-1", "--format=%cI")
    return datetime.fromisoformat(moment) if moment else None


def _git(*arguments: str) -> str:
    try:
        answer = subprocess.run(["git", *arguments], cwd=_FOLDER.parent, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout.decode().strip()


if __name__ == "__main__":
    main()
