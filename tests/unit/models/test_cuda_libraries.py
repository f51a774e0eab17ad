"""What is said when a GPU cannot be used, with stand-ins for onnxruntime, the libraries of CUDA, and NVIDIA's driver."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    onnxruntime = ModuleType("onnxruntime")
    onnxruntime.__dict__.update(
        __version__="1.31.1",
        cuda_version="13.0",
        get_available_providers=lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
        preload_dlls=lambda: print("Failed to load libcublas.so.13"),
        InferenceSession=object,
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", onnxruntime)
    monkeypatch.delitem(sys.modules, "models.backend.cuda_libraries", raising=False)
    yield importlib.import_module("models.backend.cuda_libraries")
    sys.modules.pop("models.backend.cuda_libraries", None)


def driver(status: int = 0, version: int = 13000, count: int = 1) -> Any:
    def put(value: int) -> Any:
        def function(target: Any) -> int:
            target._obj.value = value
            return 0

        return function

    return SimpleNamespace(cuInit=lambda _flags: status, cuDriverGetVersion=put(version), cuDeviceGetCount=put(count))


def test_the_onnxruntime_for_processors_is_named(libraries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries.onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(libraries.CudaError, match=r"is the one for processors\. `make setup GPU=1`"):
        libraries.load()


def test_missing_libraries_are_named(libraries: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(libraries, "_opened", lambda name: None if "cublas" in name or "cudnn" in name else object())
    with pytest.raises(
        libraries.CudaError, match=r"does not find libcublasLt\.so\.13, libcublas\.so\.13, libcudnn\.so\.9 \(CUDA 13, cuDNN 9\)"
    ):
        libraries.load()
    assert capfd.readouterr().out == ""


def test_nothing_is_said_where_all_is_there(libraries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_opened", lambda _name: driver())
    libraries.load()
    libraries.check_driver()
    libraries.require_gpu(SimpleNamespace(get_providers=lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]))


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "is not there: no libcuda"),
        (driver(status=100), "cuInit gave the error 100"),
        (driver(version=12040), r"supports CUDA 12\.4, not 13\. .*580"),
        (driver(count=0), "has none"),
    ],
)
def test_a_driver_that_cannot_be_used_is_an_error(libraries: Any, monkeypatch: pytest.MonkeyPatch, found: Any, reason: str) -> None:
    monkeypatch.setattr(libraries, "_opened", lambda _name: found)
    with pytest.raises(libraries.CudaError, match=reason):
        libraries.check_driver()


def test_a_session_that_fell_back_to_the_processor_is_an_error(libraries: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_opened", lambda _name: driver())
    with pytest.raises(libraries.CudaError, match="did not load CUDAExecutionProvider"):
        libraries.require_gpu(SimpleNamespace(get_providers=lambda: ["CPUExecutionProvider"]))
