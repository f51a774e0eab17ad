"""Libraries that a service does without while it serves."""

from __future__ import annotations

import subprocess
import sys


def test_services_run_statements_without_the_classes_of_their_tables() -> None:
    program = (
        "import sys, services.accounts.__main__, services.files.__main__, services.tasks.__main__; sys.exit('sqlmodel' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
