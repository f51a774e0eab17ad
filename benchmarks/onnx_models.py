"""Runs the installed models in this process, without a server, with the onnxruntime of Triton's environment."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
_REPOSITORY = ROOT / ".cache" / "models"
_PACKAGES = ROOT / ".venv-triton" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"

Pixels8 = npt.NDArray[np.uint8]


def session(name: str, threads: int, spinning: bool = True) -> Any:
    """An onnxruntime session of a model, with default options except for its threads: how many, and whether they spin when idle."""
    return _session(_REPOSITORY / name / "1" / "model.onnx", threads, spinning)


@cache
def _session(file: Path, threads: int, spinning: bool) -> Any:
    if str(_PACKAGES) not in sys.path:
        # Appended, since this environment's packages take precedence; most are in both.
        sys.path.append(str(_PACKAGES))
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def run(name: str, pictures: Pixels8, threads: int, spinning: bool = True) -> Pixels8:
    """The output of a model for uint8 [N, H, W, 3]."""
    (output,) = session(name, threads, spinning).run(None, {"image": pictures})
    return np.asarray(output, np.uint8)


def run_in(file: Path, pictures: Pixels8) -> Pixels8:
    """The same for a model in any file, with a thread for each core."""
    (output,) = _session(file, 0, True).run(None, {"image": pictures})
    return np.asarray(output, np.uint8)


def picture_model(name: str, threads: int) -> Callable[[Pixels8], Awaitable[Pixels8]]:
    """`run` of one model, as the model server's is called."""

    async def infer(pictures: Pixels8) -> Pixels8:
        return run(name, pictures, threads)

    return infer
