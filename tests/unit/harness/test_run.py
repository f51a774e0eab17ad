"""The folder of the shared stack goes with the process that owns it, however that ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.harness.run import Run

OWNER = """
import time
from tests.harness.run import OwnRun

print(OwnRun().folder, flush=True)
time.sleep(600)
"""


def test_what_a_killed_run_leaves_its_guardian_takes_down() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        folder = Path(owner.stdout.readline().strip())
        worker = Run(folder)
        worker._guard()
        assert folder.is_dir()
        owner.kill()
    # Nobody but the owner holds the other end of the guardian's input.
    assert worker._guardian.wait(120) == 0
    assert not folder.exists()
