"""What a service, and the processes of its sandbox, do not load."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import REPOSITORY

_PROGRAM = """
import importlib, sys
importlib.import_module("services.accounts.__main__")
print(*sorted({"aiohttp", "click", "rich"} & sys.modules.keys()))
import rich.console, structlog, httpx  # what was left out can be had by whoever asks for it later
structlog.get_logger().error("a line", exc_info=ValueError("without rich"))
"""


def test_libraries_do_without_what_nothing_uses() -> None:
    run = subprocess.run([sys.executable, "-c", _PROGRAM], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    left_out, *log = run.stdout.splitlines()
    assert left_out == ""
    assert "ValueError: without rich" in log


_CHILDREN = """
import services.platform.sandbox.nursery, services.pictures.probe.child, services.inference.media.isolated
import sys
print(*sorted({"asyncio", "grpc", "structlog"} & sys.modules.keys()))
"""


def test_children_do_without_what_serves() -> None:
    run = subprocess.run([sys.executable, "-c", _CHILDREN], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("\n", "")
