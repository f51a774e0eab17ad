"""Which processes end with a Triton server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from models import watch
from models.triton_environment import region_prefix

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that does nothing, with arguments."""
    with ExitStack() as started:

        def begin(*arguments: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", *arguments])
            started.callback(process.wait)
            started.callback(process.kill)
            return process

        yield begin


def test_a_model_that_was_started_since_the_last_look_ends_with_its_server(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no parent by then that would tell whose it is."""
    monkeypatch.setattr(watch, "_MODEL_END_SECONDS", 0.1)
    server, other = start(), start()
    own, of_other = (start("model.py", f"{region_prefix(each.pid)}1") for each in (server, other))
    server.kill()

    watch.watch(server.pid, tmp_path / "http")

    assert own.wait(timeout=60) == -9
    assert of_other.poll() is None
