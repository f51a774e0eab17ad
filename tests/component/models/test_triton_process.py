"""The server as a process: it ends whole, and does not start broken."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from deploy.local.layout import REPOSITORY
from deploy.local.scratch.triton import TritonServer, wait_until
from models.triton_environment import region_prefix, remove_stale_regions
from tests.harness.models import copy_models

MODELS = ("isnet", "realesr_animevideov3_x2")


@pytest.fixture(scope="module")
def repository(tiny_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_models(tiny_models, tmp_path_factory.mktemp("process"), *MODELS)


@pytest.fixture
def server(repository: Path, tmp_path: Path) -> Iterator[TritonServer]:
    server = TritonServer(repository, tmp_path / "triton.log")
    server.wait_until_ready()
    yield server
    if server.process.poll() is None:
        server.stop()


def regions(pid: int) -> list[Path]:
    return list(Path("/dev/shm").glob(f"{region_prefix(pid)}*"))


def gone(children: list[psutil.Process]) -> bool:
    return not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)


@pytest.mark.thorough
def test_it_ends_with_its_models_when_it_is_told_to(server: TritonServer) -> None:
    children = server.children()
    assert len(children) == len(MODELS)
    assert regions(server.process.pid)

    assert server.stop() == 0

    assert gone(children)
    assert regions(server.process.pid) == []


def test_its_models_end_when_it_is_killed(server: TritonServer) -> None:
    children = server.children()
    # One that cannot notice by itself.
    children[0].suspend()

    server.process.kill()
    server.process.wait()

    wait_until(lambda: gone(children), "the models' processes to end")
    remove_stale_regions()
    assert regions(server.process.pid) == []


def test_it_ends_when_a_model_has_lost_its_process(server: TritonServer) -> None:
    """As the kernel kills one when memory runs out; the server by itself would call itself ready for ever, and refuse every request."""
    children = server.children()

    server.process_of("isnet").kill()

    assert server.process.wait(timeout=60) is not None
    wait_until(lambda: gone(children), "the models' processes to end")
    assert "a model has lost its process" in server.log()


@pytest.mark.thorough
def test_it_goes_on_when_a_model_is_unloaded_and_watches_it_once_it_is_back(server: TritonServer) -> None:
    children = server.children()

    server.client.unload_model("isnet")
    wait_until(lambda: len(server.children()) == len(children) - 1, "the model's process to end")
    server.wait_until_ready()
    assert server.infer("realesr_animevideov3_x2", np.zeros((1, 16, 16, 3), np.uint8)).shape == (1, 32, 32, 3)
    server.client.load_model("isnet")
    assert len(server.children()) == len(children)
    assert server.process.poll() is None
    assert "lost its process" not in server.log()

    wait_until(lambda: _is_watched(server.process_of("isnet")), "the model's process to be watched")
    server.process_of("isnet").kill()
    assert server.process.wait(timeout=60) is not None
    assert "a model has lost its process" in server.log()


def _is_watched(process: psutil.Process) -> bool:
    """Whether another process has a pidfd of this one."""
    wanted = f"Pid:\t{process.pid}\n"
    return any(wanted in text for text in map(_text, Path("/proc").glob("[0-9]*/fdinfo/*")))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def test_a_model_that_cannot_be_loaded_ends_it_with_an_error(tiny_models: Path, tmp_path: Path) -> None:
    repository = copy_models(tiny_models, tmp_path / "models", *MODELS)
    (repository / "isnet" / "1" / "model.onnx").write_bytes(b"not a network")

    server = TritonServer(repository, tmp_path / "triton.log")

    # Triton, which gives up here, sometimes crashes on its way out.
    assert server.process.wait(timeout=90) in (1, -signal.SIGSEGV)
    assert "failed to load 'isnet'" in server.log()


@pytest.mark.parametrize(
    ("option", "problem"),
    [("--repository", "no models here; run `python -m models install` first"), ("--venv", "not a virtual environment")],
)
def test_it_says_what_is_missing(repository: Path, tmp_path: Path, option: str, problem: str) -> None:
    options = {"--repository": str(repository), option: str(tmp_path)}
    ports = [f"--sockets={tmp_path}", "--metrics-port=3"]

    done = subprocess.run(
        [sys.executable, "-m", "models.serve", *ports, *(word for pair in options.items() for word in pair)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert problem in done.stderr


def test_it_is_not_open_to_other_hosts_without_certificates(repository: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "models.serve", f"--repository={repository}", f"--sockets={tmp_path}", "--metrics-port=3"]
    for options, problem in (
        (["--grpc-address=127.0.0.1:8001"], "--grpc-address needs --tls-dir"),
        (["--grpc-address=127.0.0.1:8001", f"--tls-dir={tmp_path}"], "holds no readable ca.crt"),
        (["--grpc-address=8001", f"--tls-dir={tmp_path}"], "must be host:port"),
    ):
        done = subprocess.run([*words, *options], cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert problem in done.stderr
