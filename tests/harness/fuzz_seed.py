"""The seed of the fuzzing tests: another one for each commit, and the same one whenever a commit is tested again."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

_DIGITS = 7


@cache
def fuzz_seed() -> int:
    """`FUZZ_SEED`, or else the first digits of the commit's hash; 1 without a commit."""
    if given := os.environ.get("FUZZ_SEED"):
        return int(given)
    here = Path(__file__).parent
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=False).stdout
    return int(commit[:_DIGITS] or "1", 16)


def pytest_report_header() -> str:
    return f"FUZZ_SEED={fuzz_seed()}"
