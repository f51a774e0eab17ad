"""The process that runs all models of a GPU, with a real Triton; onnxruntime's provider for the processor stands in for that for CUDA."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from tritonclient.utils import InferenceServerException

from deploy.local.scratch.triton import TritonClient, TritonServer, install, running, wait_until
from tests.harness.models import copy_models

MODELS = ("isnet", "ppocr_rec", "realesr_animevideov3_x2")
_RANDOM = np.random.default_rng(49)

# What serves them all is started once.
pytestmark = pytest.mark.xdist_group("gpu_process")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu")
    everything = install(folder / "all", "--set", "tiny", "--platform", "cuda")
    repository = copy_models(everything, folder / "models", *MODELS)
    for name in MODELS:
        config = repository / name / "config.pbtxt"
        provider = 'parameters { key: "gpu_provider" value { string_value: "CPUExecutionProvider" } }'
        config.write_text(config.read_text().replace("KIND_GPU", "KIND_CPU") + provider)
    return repository


@pytest.fixture(scope="module")
def server(repository: Path) -> Iterator[TritonServer]:
    with running(repository, repository.with_name("triton.log")) as server:
        yield server


@pytest.fixture
def on_the_processor(triton_address: str) -> Iterator[TritonClient]:
    caller = TritonClient(triton_address)
    yield caller
    caller.client.close()


def gpu_process(repository: Path) -> psutil.Process:
    """The GPU's process of the server with this repository; no child of it once the model that started it is unloaded."""
    (found,) = [each for each in psutil.process_iter() if any(f"{repository}/" in word and "gpu_process" in word for word in _words(each))]
    return found


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_all_models_run_in_one_process_and_only_that_loads_onnxruntime(server: TritonServer, repository: Path) -> None:
    process = gpu_process(repository)
    assert "onnxruntime" in Path(f"/proc/{process.pid}/maps").read_text()
    others = [child for child in server.children() if child.pid != process.pid]
    assert len(others) == len(MODELS)
    assert not any("onnxruntime" in Path(f"/proc/{child.pid}/maps").read_text() for child in others)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        ("isnet", (1, 1024, 1024, 3)),
        ("isnet", (3, 1024, 1024, 3)),
        ("realesr_animevideov3_x2", (3, 24, 40, 3)),
        ("ppocr_rec", (7, 48, 320, 3)),
    ],
)
def test_its_results_are_those_of_a_session_of_its_own(
    server: TritonServer, on_the_processor: TritonClient, model: str, shape: tuple[int, ...]
) -> None:
    pictures = _RANDOM.integers(0, 256, shape, np.uint8)

    np.testing.assert_array_equal(server.infer(model, pictures), on_the_processor.infer(model, pictures))


def test_a_model_that_is_unloaded_and_loaded_again_comes_back(server: TritonServer) -> None:
    pictures = _RANDOM.integers(0, 256, (1, 16, 16, 3), np.uint8)
    before = server.infer("realesr_animevideov3_x2", pictures)

    server.client.unload_model("realesr_animevideov3_x2")
    server.client.load_model("realesr_animevideov3_x2")

    np.testing.assert_array_equal(server.infer("realesr_animevideov3_x2", pictures), before)


def test_the_error_of_a_network_that_cannot_be_loaded_is_reported(server: TritonServer, repository: Path) -> None:
    (repository / "isnet" / "1" / "model.onnx").write_bytes(b"no network")
    server.client.unload_model("isnet")

    with pytest.raises(InferenceServerException, match="GpuError: InvalidProtobuf"):
        server.client.load_model("isnet")


@pytest.mark.thorough
def test_when_it_is_killed_the_server_ends_to_be_started_again(server: TritonServer, repository: Path) -> None:
    """The last test of this server."""
    children = server.children()

    gpu_process(repository).kill()

    assert server.process.wait(timeout=60) is not None
    assert "a model has lost its process" in server.log()
    wait_until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children), "all processes to end")
