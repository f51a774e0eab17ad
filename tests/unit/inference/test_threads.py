"""The threads of a worker's libraries."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import os
import services.inference
import numpy
numpy.ones((300, 300)) @ numpy.ones((300, 300))
print(len(os.listdir("/proc/self/task")))
"""


def test_a_worker_multiplies_matrices_in_one_thread() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENBLAS_", "OMP_"))}
    said = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "1"
