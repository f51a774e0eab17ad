"""Counts what makes the repository heavy, in one table."""

from __future__ import annotations

import argparse
import ast
import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

from reference.prose.__main__ import TREES, problems

_REPOSITORY = Path(__file__).resolve().parent.parent
_SHORT_LINES = 70
_MANY_CASES = 20
_COMMITS = 200
_TOOLS = ("smart_crop", "passport_photo")
"""Underscores stand for hyphens."""
_GENERATED = ("docs/reference/",)
_IRREGULAR = (
    "begun|bought|bound|brought|built|caught|chosen|done|drawn|fallen|felt|forgotten|found|given|gone|heard|held|hidden|kept|known|laid|led|"
    "left|lent|lost|made|meant|met|paid|said|seen|sent|shown|sold|spent|stood|taken|thought|told|won|worn|written"
)
_PARTICIPLE = re.compile(
    rf"(?!bed|bleed|embed|exceed|feed|hundred|indeed|need|proceed|red|seed|shed|speed)(?:[a-z]{{2,}}ed|{_IRREGULAR})", re.I
)


def _git(*arguments: str) -> str:
    return subprocess.run(("git", *arguments), cwd=_REPOSITORY, check=True, capture_output=True, text=True).stdout


@cache
def _files(*patterns: str) -> list[Path]:
    """Files of the repository, without links."""
    paths = (_REPOSITORY / line for line in _git("ls-files", "--", *patterns).splitlines())
    return [path for path in paths if path.is_file() and not path.is_symlink()]


@cache
def _text(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def _is_test(path: Path) -> bool:
    name = path.relative_to(_REPOSITORY).as_posix()
    return name.startswith("tests/") or "/tests/" in name or ".test." in path.name


def _modules() -> dict[str, Path]:
    """The Python modules outside tests, by their names."""
    modules = {}
    for path in _files("*.py"):
        if not _is_test(path):
            parts = path.relative_to(_REPOSITORY).with_suffix("").parts
            # The client library is installed, so its folder is no package.
            parts = parts[2:] if parts[:2] == ("clients", "python") else parts
            modules[".".join(part for part in parts if part != "__init__")] = path
    return modules


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(_text(path))):
        match node:
            case ast.Import(names):
                yield from (each.name for each in names)
            case ast.ImportFrom(str(module), names, 0):
                yield from (f"{module}.{each.name}" for each in names)
                yield module


def short_modules_with_one_importer() -> list[Path]:
    """Modules that could be a part of the only one that imports them."""
    modules = _modules()
    importers: dict[str, set[str]] = {name: set() for name in modules}
    for name, path in modules.items():
        for imported in _imports(path):
            if imported in importers and imported != name:
                importers[imported].add(name)
    return [
        path
        for name, path in modules.items()
        # A module that a package's __init__ re-exports has the package's importers.
        if len({each for each in importers[name] if modules[each].name != "__init__.py"}) == 1
        and path.stem not in ("__init__", "__main__")
        and _text(path).count("\n") < _SHORT_LINES
    ]


def _definitions(path: Path) -> Iterator[str]:
    """Public functions, methods, classes and annotated fields."""
    for node in ast.walk(ast.parse(_text(path))):
        match node:
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                yield name
            case ast.ClassDef(name, body=body):
                yield name
                yield from (each.target.id for each in body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name))


def participles() -> Counter[str]:
    """Public names that are a bare participle."""
    names = chain.from_iterable(map(_definitions, _modules().values()))
    return Counter(name for name in names if _PARTICIPLE.fullmatch(name))


def _is_generated(path: Path) -> bool:
    return path.relative_to(_REPOSITORY).as_posix().startswith(_GENERATED)


def _cases() -> Counter[str]:
    """How many cases each test function has."""
    command = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "--thorough", "tests")
    collected = subprocess.run(command, cwd=_REPOSITORY, check=False, capture_output=True, text=True).stdout
    return Counter(line.partition("[")[0] for line in collected.splitlines() if "::" in line)


def _rows(*, tests: bool) -> Iterator[tuple[str, int | float]]:
    yield f"modules under {_SHORT_LINES} lines with one importer", len(short_modules_with_one_importer())
    yield "public names that are a bare participle", participles().total()
    yield "tics in prose", sum(1 for _ in problems(TREES))
    for tool in (name.replace("_", "-") for name in _TOOLS):
        yield f"files outside tests that name {tool}", sum(tool in _text(path) for path in _files() if not _is_test(path))
    lines = {path: _text(path).count("\n") for path in _files()}
    yield "lines in all", sum(lines.values())
    yield "lines generated", sum(count for path, count in lines.items() if _is_generated(path))
    yield "migrations", len(_files("*/migrations/versions/*.py"))
    subjects = _git("log", "--no-merges", f"-{_COMMITS}", "--format=%s").splitlines()
    yield f"median length of the last {_COMMITS} commit subjects", statistics.median(map(len, subjects))
    if tests:
        cases = _cases()
        yield "tests", cases.total()
        yield f"test functions with over {_MANY_CASES} cases", sum(count > _MANY_CASES for count in cases.values())


def main() -> None:
    """Print the table, or the names behind a row of it."""
    parser = argparse.ArgumentParser(prog="python -m reference.counts", description=__doc__)
    parser.add_argument("--no-tests", action="store_true", help="do not collect the tests, which takes a minute")
    parser.add_argument("--names", action="store_true", help="list the short modules and the participles instead")
    chosen = parser.parse_args()
    if chosen.names:
        print(*(path.relative_to(_REPOSITORY) for path in short_modules_with_one_importer()), sep="\n")
        print(*(f"{name} {count}" for name, count in participles().most_common()), sep="\n")
        return
    for what, count in _rows(tests=not chosen.no_tests):
        print(f"{count:>9,}  {what}")


if __name__ == "__main__":
    main()
