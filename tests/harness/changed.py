"""The tests of what has changed: `python -m tests.harness.changed [COMMIT]` prints their files, for `make test-changed`.

Compares the working tree with a commit (HEAD). A test belongs to a change that it imports, directly or through other modules. Operations,
protos, templates and settings files are loaded by name, so a test also belongs to a change that it, or a module of `tests` that it imports,
names. A changed conftest.py brings its folder.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import grimp

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "deploy", "edge", "reference", "benchmarks", "models", "tests")
_SHORTEST_NAME = 5
"""Characters of a file's name by which a test is taken to mean it."""
_COMMON_NAMES = frozenset(
    ("__init__", "__main__", "README", "config", "conftest", "errors", "images", "parts", "settings", "tables", "tasks")
)


def changed_files(commit: str) -> list[Path]:
    """What differs from a commit, tracked or not, relative to the repository. Raises CalledProcessError if there is no such commit."""
    listed = _git("diff", "--name-only", "--no-renames", commit) + _git("ls-files", "--others", "--exclude-standard")
    return [Path(line) for line in sorted(set(listed))]


def affected_tests(changed: Iterable[Path], graph: grimp.ImportGraph) -> set[Path]:
    """The test files, relative to the repository."""
    texts = {path.relative_to(REPOSITORY): path.read_text() for path in (REPOSITORY / "tests").rglob("*.py")}
    tests = [path for path in texts if path.name.startswith("test_")]
    found: set[Path] = set()
    for path in changed:
        if path.name == "conftest.py":
            found |= {test for test in tests if test.is_relative_to(path.parent)}
        modules = {_module(path)} & graph.modules if path.suffix == ".py" else set()
        if len(path.stem) >= _SHORTEST_NAME and path.stem not in _COMMON_NAMES:
            named = re.compile(rf"\b{re.escape(path.stem)}(_pb2)?\b")
            modules |= {_module(test) for test, text in texts.items() if named.search(text)}
        modules |= {each for module in modules & graph.modules for each in graph.find_downstream_modules(module)}
        found |= {test for test in tests if _module(test) in modules}
    return found


def main() -> None:
    """Print the files, one a line, and say on standard error how many there are."""
    changed = changed_files(sys.argv[1] if len(sys.argv) > 1 else "HEAD")
    sys.path.insert(0, str(REPOSITORY))
    tests = sorted(affected_tests(changed, grimp.build_graph(*PACKAGES, cache_dir=str(REPOSITORY / ".cache" / "import-linter"))))
    print(f"{len(changed)} changed files, {len(tests)} files of tests", file=sys.stderr)
    for path in tests:
        print(path)


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _git(*arguments: str) -> list[str]:
    return subprocess.run(("git", *arguments), cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout.splitlines()


if __name__ == "__main__":
    main()
