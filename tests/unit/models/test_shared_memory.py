from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from models.triton_environment import region_prefix, remove_stale_regions


def test_only_the_regions_of_servers_that_are_gone_are_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    elsewhere = region_prefix(gone.pid).replace(region_prefix(gone.pid).split("-")[2], "1", 1)
    stale, running, foreign, other = (
        f"{region_prefix(gone.pid)}region",
        f"{region_prefix(os.getpid())}region",
        f"{elsewhere}region",
        "someone-elses-region",
    )
    for name in (stale, running, foreign, other):
        (tmp_path / name).touch()

    assert remove_stale_regions(tmp_path) == [stale]

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([running, foreign, other])
