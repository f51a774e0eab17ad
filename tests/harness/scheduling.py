"""Tests of one `xdist_group` run on one worker, in their order. xdist's own `--dist loadgroup` tells the group to the controller by
adding it to the test's id, which pytest no longer lets it change. Here it is whatever `--dist` says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

_FILE = "groups.json"


class GroupScheduling(LoadScopeScheduling):
    """Hands out tests one by one, and those of a group together."""

    def __init__(self, config: pytest.Config, log: Any, folder: Path) -> None:
        super().__init__(config, log)
        self._folder = folder
        self._groups: dict[str, str] | None = None

    def _split_scope(self, nodeid: str) -> str:
        # Asked for the first time when all workers have collected.
        if self._groups is None:
            self._groups = read_groups(self._folder)
        return self._groups.get(nodeid, nodeid)


def write_groups(folder: Path, items: Sequence[pytest.Item]) -> None:
    """In a worker: tell the controller which tests belong together. All workers write the same."""
    marks = ((item.nodeid, item.get_closest_marker("xdist_group")) for item in items)
    groups = {test: mark.args[0] for test, mark in marks if mark is not None}
    fresh = folder / f"{_FILE}.{os.getpid()}"
    fresh.write_text(json.dumps(groups))
    fresh.replace(folder / _FILE)


def read_groups(folder: Path) -> dict[str, str]:
    """In the controller, when a worker has collected: the group of each test that has one."""
    groups: dict[str, str] = json.loads((folder / _FILE).read_text())
    return groups
