"""Whether this machine has a GPU, and whether its models use it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_SECONDS = 15
_ON_GPU = "KIND_GPU"


def gpus() -> Sequence[str]:
    """The names of NVIDIA's GPUs here, as its driver lists them; none without the driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        listed = subprocess.run(
            [program, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return [line.strip() for line in listed.stdout.splitlines() if line.strip()]


def models_use_gpu(repository: Path) -> bool:
    """Whether any model of a repository is made for a GPU."""
    return any(_ON_GPU in file.read_text() for file in repository.glob("*/config.pbtxt"))


def advice(found: Sequence[str], repository: Path) -> Sequence[str]:
    """The message about the GPU for the user who starts a worker."""
    if not found:
        return ["No GPU was found: the models run on the CPU."]
    if models_use_gpu(repository):
        return [f"The models run on {', '.join(found)}."]
    return [
        f"This machine has {', '.join(found)}, and models for the CPU. To use the GPU (docs/operator/gpu.md):",
        "  .cache/tools/bin/uv pip uninstall --python .venv-triton/bin/python onnxruntime",
        "  .cache/tools/bin/uv pip install --python .venv-triton/bin/python onnxruntime-gpu",
        f"  .venv/bin/python -m models install --set gpu --platform cuda --dest {_shown(repository)}",
        "  make worker-down worker",
    ]


def _shown(repository: Path) -> Path:
    here = Path.cwd()
    return repository.relative_to(here) if repository.is_relative_to(here) else repository
