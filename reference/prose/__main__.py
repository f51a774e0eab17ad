"""Reports turns of phrase to avoid, as FILE:LINE, with a suggestion; fails if there are any."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from reference.prose.texts import READERS, texts
from reference.prose.tics import ALL, Tic, matches

ROOT = Path(__file__).resolve().parents[2]
# The trees whose prose users or developers read.
TREES = ("README.md", "docs", "protos", "clients", "console", "deploy", "edge", "models", "services", "reference")
# The files and folders that `make check` reads.
CHECKED = (*TREES, "tests/README.md", "third_party/protos/README.md")
# Generated from files that are checked, a sample's text, or naming the tics.
EXCLUDED = ("docs/reference/cli.md", "docs/reference/errors.md", "reference/pictures.py", "reference/prose/tics.py", "console/generated")


def main() -> int:
    """Check the given paths, or by default all of them."""
    parser = argparse.ArgumentParser(prog="python -m reference.prose", description=__doc__)
    parser.add_argument("path", nargs="*", default=CHECKED, help="files and folders (default: all)")
    parser.add_argument("--counts", action="store_true", help="print how often each tic occurs in each tree, and fail for none")
    arguments = parser.parse_args()
    if arguments.counts:
        _print_counts()
        return 0
    found = list(problems(arguments.path))
    for path, line, tic, words in found:
        print(f"{path}:{line}: {words!r}: write {tic.suggestion}")
    return 1 if found else 0


def problems(paths: Iterable[str]) -> Iterator[tuple[str, int, Tic, str]]:
    """Each tic in the tracked files below some paths: file, line, tic and words."""
    for name in _files(paths):
        for text in texts(ROOT / name):
            for tic, offset, words in matches(text.text):
                yield name, text.line + text.text.count("\n", 0, offset), tic, words


def _files(paths: Iterable[str]) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "--", *paths], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in listed if Path(name).suffix in READERS and not name.startswith(EXCLUDED) and (ROOT / name).is_file()]


def _print_counts() -> None:
    counts = {tree: Counter(tic.name for _, _, tic, _ in problems([tree])) for tree in TREES}
    print(f"{'':18}", *(f"{tree:>10}" for tree in TREES), f"{'all':>10}")
    for name in [tic.name for tic in ALL]:
        print(f"{name:18}", *(f"{counts[tree][name]:>10}" for tree in TREES), f"{sum(count[name] for count in counts.values()):>10}")
    print(f"{'all':18}", *(f"{counts[tree].total():>10}" for tree in TREES), f"{sum(count.total() for count in counts.values()):>10}")


if __name__ == "__main__":
    sys.exit(main())
