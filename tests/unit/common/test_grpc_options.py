"""What the services tell gRPC when it is loaded."""

from __future__ import annotations

import subprocess
import sys

_USE = """
import services
import grpc
grpc.insecure_channel("unix:/nowhere").close()
"""


def test_grpc_knows_its_experiments() -> None:
    # It says so in its log when it does not, as after an update of gRPC that has removed one.
    ran = subprocess.run([sys.executable, "-c", _USE], capture_output=True, text=True, check=True)
    assert "experiment" not in ran.stderr
