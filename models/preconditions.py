"""Checks, before the server starts, that its processes will find the libraries that they need: a model that fails later says less."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from models.errors import ServeError

_CUDA = Path(__file__).with_name("backend") / "cuda_libraries.py"
_SECONDS = 60
_ASK = "import sys, sysconfig; print(sysconfig.get_config_var('LIBDIR') or '', sys.base_prefix + '/lib', sep='\\n')"


def python_library_folders(venv: Path, version: str) -> list[Path]:
    """The folder of libpython for the Python of an environment, which the loader may not know (pyenv, uv, conda); empty if that Python's
    own folders do not hold it. Raises ServeError if that Python does not run."""
    try:
        asked = subprocess.run(
            [venv / "bin" / "python", "-I", "-S", "-c", _ASK], capture_output=True, text=True, check=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ServeError(f"the Python of {venv} does not run ({error}): delete that folder and run `make setup`") from error
    folders = [Path(line) for line in asked.stdout.splitlines() if line]
    return [folder for folder in folders if (folder / f"libpython{version}.so.1.0").exists()][:1]


def check_libraries(programs: list[Path], venv: Path, variables: Mapping[str, str]) -> None:
    """Raises ServeError if the loader would not find a library of a program, with these environment variables."""
    for program in programs:
        # As with `ldd`, the loader prints the libraries in place of starting the program.
        listed = subprocess.run([program], env={**variables, "LD_TRACE_LOADED_OBJECTS": "1"}, capture_output=True, text=True, check=False)
        missing = re.findall(r"(\S+) => not found", listed.stdout)
        if not missing:
            continue
        remedy = "install the packages of the system that have them"
        if any(name.startswith("libpython") for name in missing):
            remedy = (
                f"the Python of {venv} was built without a shared library; make the environment with one that has it (Debian's python3.11 "
                "with libpython3.11, uv's, conda's, or pyenv's with PYTHON_CONFIGURE_OPTS=--enable-shared): `make setup PYTHON=…`"
            )
        raise ServeError(f"{program.name} needs {', '.join(missing)}, and the loader does not find it: {remedy}")


def check_gpu(repository: Path, venv: Path, variables: Mapping[str, str]) -> None:
    """Raises ServeError if a model is for a GPU, and CUDA's libraries or the driver are missing."""
    if not any(_needs_cuda(file.read_text(encoding="utf-8")) for file in repository.glob("*/config.pbtxt")):
        return
    try:
        checked = subprocess.run(
            [venv / "bin" / "python", _CUDA], env=variables, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise ServeError(f"NVIDIA's driver does not answer within {_SECONDS} s: `nvidia-smi` says more") from error
    if checked.returncode:
        raise ServeError(f"{repository}: {checked.stderr.strip() or f'the check of CUDA ended with {checked.returncode}'}")


def _needs_cuda(config: str) -> bool:
    """Whether a model runs in onnxruntime on a GPU; pipelines have an environment of their own."""
    return "KIND_GPU" in config and 'backend: "python"' in config and "EXECUTION_ENV_PATH" not in config
