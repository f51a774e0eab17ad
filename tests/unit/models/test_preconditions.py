from __future__ import annotations

import os
from pathlib import Path

import pytest

from deploy.local.scratch.triton import VENV
from models.errors import ServeError
from models.preconditions import check_gpu, check_libraries, python_library_folders
from models.serve import triton_command
from models.triton_environment import TritonEnvironment, prepare


def environment(folder: Path, script: str) -> Path:
    """A virtual environment whose Python is a shell script."""
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return folder / "venv"


def repository(folder: Path, config: str) -> Path:
    (folder / "models" / "isnet").mkdir(parents=True)
    (folder / "models" / "isnet" / "config.pbtxt").write_text(config)
    return folder / "models"


def test_libpython_is_looked_for_where_the_python_of_the_environment_has_it(tmp_path: Path) -> None:
    (tmp_path / "base" / "lib").mkdir(parents=True)
    (tmp_path / "base" / "lib" / "libpython3.11.so.1.0").touch()
    venv = environment(tmp_path, f"echo /nowhere; echo {tmp_path}/base/lib")

    assert python_library_folders(venv, "3.11") == [tmp_path / "base" / "lib"]
    assert python_library_folders(venv, "3.12") == []


def test_a_python_that_does_not_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match=r"the Python of .*venv does not run"):
        python_library_folders(environment(tmp_path, "exit 3"), "3.11")


def test_a_library_that_the_loader_does_not_find_is_named_with_what_to_do(tmp_path: Path) -> None:
    present = prepare(VENV)
    variables = {"LD_LIBRARY_PATH": ":".join(map(str, present.libraries))}
    check_libraries([present.server, present.stub], VENV, variables)
    stub = tmp_path / "stub"
    stub.write_bytes(present.stub.read_bytes().replace(b"libpython3.", b"libpythonX."))
    stub.chmod(0o755)

    with pytest.raises(
        ServeError, match=r"stub needs libpythonX\.\d+\.so\.1\.0, and .* built without a shared library; .*PYTHON_CONFIGURE_OPTS"
    ):
        check_libraries([stub], VENV, variables)


def test_the_wheel_s_libraries_come_before_libpython_and_what_is_inherited() -> None:
    libraries = [Path("/wheel.libs"), Path("/python/lib")]
    there = TritonEnvironment(Path("/s"), Path("/stub"), libraries, Path("/bin"), Path("/backends"))

    def path(inherited: dict[str, str]) -> str:
        return triton_command(there, Path("/models"), Path("/run"), 8002, inherited=inherited, pid=1)[1]["LD_LIBRARY_PATH"]

    assert path({"LD_LIBRARY_PATH": "/usr/local/nvidia/lib64:"}) == "/wheel.libs:/python/lib:/usr/local/nvidia/lib64"
    assert path({}) == "/wheel.libs:/python/lib"


@pytest.mark.parametrize(
    "config",
    [
        'backend: "python" instance_group [{ kind: KIND_CPU }]',
        'backend: "onnxruntime" instance_group [{ kind: KIND_GPU }]',
        'backend: "python" instance_group [{ kind: KIND_GPU }] parameters { key: "EXECUTION_ENV_PATH" }',
    ],
    ids=["processor", "container", "pipeline"],
)
def test_cuda_is_not_asked_for_where_no_model_needs_it(tmp_path: Path, config: str) -> None:
    check_gpu(repository(tmp_path, config), environment(tmp_path, "exit 1"), os.environ)


def test_what_a_gpu_lacks_is_said_before_the_server_starts(tmp_path: Path) -> None:
    models = repository(tmp_path, 'backend: "python" instance_group [{ kind: KIND_GPU }]')
    check_gpu(models, environment(tmp_path / "able", "exit 0"), os.environ)

    with pytest.raises(ServeError, match=r"models: no libcudnn\.so\.9$"):
        check_gpu(models, environment(tmp_path / "lacking", "echo no libcudnn.so.9 >&2; exit 1"), os.environ)
