"""A standalone Triton server, started as the stack starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import tritonclient.grpc as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from deploy.local.layout import REPOSITORY
from deploy.local.scratch.resources import free_port
from models.serve import grpc_target

VENV = Path(os.environ.get("DARKROOM_TRITON_VENV") or REPOSITORY / ".venv-triton")


class TritonClient:
    """A caller of the server at `address`; `client` has all other calls."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = triton.InferenceServerClient(address)

    def infer(self, model: str, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Run one batch. Raises InferenceServerException."""
        result: NDArray[np.uint8] = self.client.infer(model, [tensor(image)], client_timeout=120).as_numpy(output_name(model))
        return result


class TritonServer(TritonClient):
    """A server process, and its caller once `wait_until_ready` has returned."""

    def __init__(self, repository: Path, log: Path) -> None:
        self._log = log
        # Short, because it contains Unix sockets.
        self._sockets = tempfile.TemporaryDirectory(prefix="darkroom-triton-")
        self._command = [sys.executable, "-m", "models.serve", "--repository", str(repository), "--venv", str(VENV)]
        self._command += ["--sockets", self._sockets.name, "--metrics-port", str(free_port())]
        self.process = self._started()
        super().__init__(grpc_target(Path(self._sockets.name)))

    def _started(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as output:
            return subprocess.Popen(self._command, cwd=REPOSITORY, stdout=output, stderr=subprocess.STDOUT)

    def kill_and_start(self) -> None:
        """Replace the process with another one at the same address, which need not be ready yet."""
        self.process.kill()
        self.process.wait()
        self.process = self._started()

    def log(self) -> str:
        """The server's output so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_until_ready(self) -> None:
        """Wait until every model is loaded; fails with the log if the server ends."""

        def ready() -> bool:
            assert self.process.poll() is None, f"the server exited with {self.process.returncode}\n{self.log()}"
            try:
                return bool(self.client.is_server_ready(client_timeout=2))
            except InferenceServerException:
                return False

        wait_until(ready, "the server to be ready", self.log)

    def children(self) -> list[psutil.Process]:
        """The processes in which the Python backend runs models."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def process_of(self, model: str) -> psutil.Process:
        """The process that runs a model."""
        (process,) = [child for child in self.children() if any(word.startswith(f"{model}_0") for word in child.cmdline())]
        return process

    def stop(self) -> int:
        """End the server as a supervisor does; returns its exit status."""
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@contextmanager
def running(repository: Path, log: Path) -> Iterator[TritonServer]:
    """A server that is ready; stopped when the block ends."""
    server = TritonServer(repository, log)
    try:
        server.wait_until_ready()
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def install(repository: Path, *options: str) -> Path:
    """Install models as the command line does."""
    subprocess.run(
        [sys.executable, "-m", "models", "install", "--dest", str(repository), *options],
        cwd=REPOSITORY,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return repository


def tensor(image: NDArray[np.uint8]) -> triton.InferInput:
    """A batch of pictures as a model's input."""
    tensor = triton.InferInput("image", list(image.shape), "UINT8")
    tensor.set_data_from_numpy(image)
    return tensor


def output_name(model: str) -> str:
    """The name of a model's output."""
    return {
        "isnet": "alpha",
        "ppocr_det": "text",
        "mark_paint": "paint",
        "ppocr_rec": "characters",
        "face_detector": "numbers",
        "face_mesh": "numbers",
        "iris": "numbers",
        "srmd_x2": "denoised",
        "srmd_upscale_x2": "denoised",
        "srmd_upscale_x4": "denoised",
    }.get(model, "upscaled")


def wait_until(condition: Callable[[], bool], what: str, explain: Callable[[], str] = str, seconds: float = 90) -> None:
    """Wait for a condition; fails with `explain()` if it does not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}\n{explain()}"
        time.sleep(0.05)
